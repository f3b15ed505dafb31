package webhook

import (
	"sync/atomic"
	"time"
)

// QueueStats is the state of a [Queue] at one moment. The totals count since
// [NewQueue].
type QueueStats struct {
	Waiting   int           // accepted deliveries that wait for a worker or for an earlier one of their key
	Running   int           // deliveries whose callback runs
	OldestAge time.Duration // time since the oldest waiting or running delivery was accepted; 0 without one

	Finished   int64 // total of callbacks that returned nil
	Failed     int64 // total of callbacks that failed
	Duplicates int64 // total of deliveries that were dropped as duplicates
	Refused    int64 // total of deliveries that got [ErrQueueFull] or [ErrQueueClosed]
}

// Stats returns the state of the queue.
func (q *Queue) Stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	stats := q.counted
	stats.Waiting, stats.Running = q.waiting.len(), len(q.running)
	for _, j := range q.running { // each waiting job arrived later than one of these
		stats.OldestAge = max(stats.OldestAge, time.Since(j.accepted))
	}
	return stats
}

// HandlerStats counts the deliveries that a [Handler] received. A request that
// is not a POST is not counted.
type HandlerStats struct {
	Accepted   int64 // got a 204
	Unverified int64 // refused without a valid signature: 401, 413 or 415, or 400 for an ambiguous header or a truncated body
	Malformed  int64 // had a valid signature and a payload that cannot be decoded: 400
	Failed     int64 // the callback failed (500), or the queue did not accept the delivery (503)
}

// handlerCounts holds the counters of HandlerStats.
type handlerCounts struct{ accepted, unverified, malformed, failed atomic.Int64 }

// Stats returns the number of deliveries so far, by result.
func (h *Handler) Stats() HandlerStats {
	return HandlerStats{
		Accepted:   h.counts.accepted.Load(),
		Unverified: h.counts.unverified.Load(),
		Malformed:  h.counts.malformed.Load(),
		Failed:     h.counts.failed.Load(),
	}
}
