package webhook

import "crypto/sha256"

// guids tells which deliveries are under way or done. What it holds is bounded
// by what is under way and by the size of the ring, whatever a GUID looks like:
// that is not signed, so its length is anybody's.
type guids struct {
	underWay map[guidKey]struct{}
	done     map[guidKey]struct{}
	ring     []guidKey // the keys of done
	next     int       // where in the ring the oldest is, once that is full
	size     int
}

// guidKey is a hash: of the same size for every GUID.
type guidKey [sha256.Size]byte

func newGUIDs(size int) *guids {
	return &guids{underWay: make(map[guidKey]struct{}), done: make(map[guidKey]struct{}), size: size}
}

// known tells whether the delivery is under way or done. One without a GUID
// never is.
func (g *guids) known(guid string) bool {
	if guid == "" {
		return false
	}
	key := guidKey(sha256.Sum256([]byte(guid)))
	if _, ok := g.underWay[key]; ok {
		return true
	}
	_, ok := g.done[key]
	return ok
}

func (g *guids) begin(guid string) {
	if guid != "" {
		g.underWay[sha256.Sum256([]byte(guid))] = struct{}{}
	}
}

// end remembers a delivery that is finished, and forgets one that is not.
func (g *guids) end(guid string, finished bool) {
	if guid == "" {
		return
	}
	key := guidKey(sha256.Sum256([]byte(guid)))
	delete(g.underWay, key)
	if !finished {
		return
	}
	if len(g.ring) < g.size {
		g.ring = append(g.ring, key)
	} else {
		delete(g.done, g.ring[g.next])
		g.ring[g.next] = key
		g.next = (g.next + 1) % g.size
	}
	g.done[key] = struct{}{}
}
