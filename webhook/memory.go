package webhook

import "crypto/sha256"

// memory holds the unfinished deliveries of a [Queue] and the newest finished
// ones. It stores hashes, so its size does not depend on the size of a
// delivery.
type memory struct {
	underWay map[digest]*job
	finished map[digest]struct{}
	ring     [][]digest // the digests of the finished deliveries
	oldest   int        // index in ring, once ring is full
	size     int
}

// digest is a hash of an event's name with a GUID or with a payload.
type digest [sha256.Size]byte

func newMemory(size int) *memory {
	return &memory{underWay: make(map[digest]*job), finished: make(map[digest]struct{}), size: size}
}

// identify returns the digests that identify a delivery. GitHub can send the
// same payload for two events of an unknown name: these have the GUID's only.
func identify(event Event) []digest {
	d := event.Info()
	var all []digest
	if d.GUID != "" {
		all = append(all, digestOf('g', d.Event, []byte(d.GUID)))
	}
	if _, other := event.(*Delivery); !other && len(d.Raw) > 0 {
		all = append(all, digestOf('b', d.Event, d.Raw))
	}
	return all
}

func digestOf(kind byte, event string, data []byte) (d digest) {
	name := sha256.Sum256([]byte(event)) // a fixed length separates the name from the data
	h := sha256.New()
	h.Write([]byte{kind})
	h.Write(name[:])
	h.Write(data)
	h.Sum(d[:0])
	return d
}

// find reports whether one of the digests is known, and returns its job if the
// job is not finished.
func (m *memory) find(digests []digest) (j *job, known bool) {
	for _, d := range digests {
		if j, ok := m.underWay[d]; ok {
			return j, true
		}
		if _, ok := m.finished[d]; ok {
			known = true
		}
	}
	return nil, known
}

// begin remembers a job until end is called.
func (m *memory) begin(j *job) {
	for _, d := range j.digests {
		m.underWay[d] = j
	}
}

// end remembers a finished job and forgets a failed one.
func (m *memory) end(j *job, finished bool) {
	for _, d := range j.digests {
		delete(m.underWay, d)
	}
	if !finished || len(j.digests) == 0 {
		return
	}
	if len(m.ring) < m.size {
		m.ring = append(m.ring, j.digests)
	} else {
		for _, d := range m.ring[m.oldest] {
			delete(m.finished, d)
		}
		m.ring[m.oldest] = j.digests
		m.oldest = (m.oldest + 1) % m.size
	}
	for _, d := range j.digests {
		m.finished[d] = struct{}{}
	}
}
