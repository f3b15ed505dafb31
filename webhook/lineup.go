package webhook

import (
	"cmp"
	"container/heap"
	"slices"
)

// lineup holds the waiting jobs of a [Queue]. Each waits for a worker or for an
// earlier job of its key. The queue's lock must be held.
type lineup struct {
	ready   jobHeap           // wait only for a worker
	lanes   map[string][]*job // by key, behind a job that is ready or running
	blocked int               // jobs in lanes
}

func newLineup() *lineup { return &lineup{lanes: make(map[string][]*job)} }

func (l *lineup) len() int { return len(l.ready) + l.blocked }

// busy reports whether an earlier job of the key is not finished.
func (l *lineup) busy(key string) bool {
	_, busy := l.lanes[key]
	return busy && key != ""
}

// add puts a job behind the jobs that arrived earlier.
func (l *lineup) add(j *job) {
	if l.busy(j.key) {
		l.lanes[j.key] = append(l.lanes[j.key], j)
		l.blocked++
		return
	}
	l.lanes[j.key] = nil
	heap.Push(&l.ready, j)
}

// next removes and returns the earliest job that waits only for a worker, or
// nil.
func (l *lineup) next() *job {
	if len(l.ready) == 0 {
		return nil
	}
	return heap.Pop(&l.ready).(*job)
}

// release makes the next job of a key ready.
func (l *lineup) release(key string) {
	lane := l.lanes[key]
	if len(lane) == 0 {
		delete(l.lanes, key)
		return
	}
	heap.Push(&l.ready, lane[0])
	lane[0] = nil
	l.lanes[key] = lane[1:]
	l.blocked--
}

// clear removes and returns all jobs, in the order of their arrival.
func (l *lineup) clear() []*job {
	all := []*job(l.ready)
	for _, lane := range l.lanes {
		all = append(all, lane...)
	}
	*l = *newLineup()
	slices.SortFunc(all, func(a, b *job) int { return cmp.Compare(a.arrival, b.arrival) })
	return all
}

// jobHeap is a [heap.Interface] with the earliest job on top.
type jobHeap []*job

func (h jobHeap) Len() int           { return len(h) }
func (h jobHeap) Less(i, j int) bool { return h[i].arrival < h[j].arrival }
func (h jobHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *jobHeap) Push(j any)        { *h = append(*h, j.(*job)) }

func (h *jobHeap) Pop() any {
	last := len(*h) - 1
	j := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return j
}
