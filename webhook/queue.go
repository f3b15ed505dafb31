package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// QueueOptions bounds a [Queue]. A zero field takes its default.
type QueueOptions struct {
	Workers  int // deliveries worked on at once; default 4
	Capacity int // deliveries that wait for a worker; default 100
	Remember int // finished deliveries whose GUIDs are remembered; default 10,000
}

// Queue takes deliveries over from a [Handler], so that GitHub gets its answer
// at once, and hands them to callbacks that may take their time. It is safe for
// concurrent use.
//
// A delivery whose GUID is queued, being worked or finished is acknowledged
// and dropped. One whose callback failed is forgotten, so that a redelivery is
// worked again; a redelivery has the GUID of the first. Where there is no room,
// the Handler answers 503, and the delivery can be redelivered by hand. GUIDs are
// remembered as hashes, the newest of those that are finished as many as
// [QueueOptions] says; one that is older is news again, and so is a delivery
// without one.
//
// What the queue has accepted is lost only if the process is killed: see the
// package's text on what to do about that.
type Queue struct {
	on       Callbacks
	workers  int
	capacity int
	base     context.Context // of all callbacks
	cancel   context.CancelCauseFunc

	mu      sync.Mutex
	waiting []*job
	running []*job // in the order of their start
	guids   *guids
	closed  bool
	idle    chan struct{} // closed when closed is set and no job is left
}

// job is one delivery that was accepted.
type job struct {
	ctx   context.Context // the request's values, without its end
	event Event
}

// NewQueue returns a Queue that hands deliveries to the callbacks. A negative
// option is a [ghdeploy.ErrInvalidArgument].
func NewQueue(on Callbacks, opts QueueOptions) (*Queue, error) {
	if opts.Workers < 0 || opts.Capacity < 0 || opts.Remember < 0 {
		return nil, invalidArgument("NewQueue: %+v holds a negative bound; leave it 0 for the default", opts)
	}
	base, cancel := context.WithCancelCause(context.Background())
	return &Queue{
		on:       on,
		workers:  cmp.Or(opts.Workers, 4),
		capacity: cmp.Or(opts.Capacity, 100),
		base:     base,
		cancel:   cancel,
		guids:    newGUIDs(cmp.Or(opts.Remember, 10_000)),
		idle:     make(chan struct{}),
	}, nil
}

// Callbacks returns what to give to [NewHandler]: callbacks that put their
// event into the queue. They return [ErrQueueFull] or [ErrQueueClosed] where
// it is not taken.
//
// The callbacks behind the queue get a context that outlives the request: it
// has the request's values, and ends when [Queue.Shutdown] gives up.
func (q *Queue) Callbacks() Callbacks {
	return Callbacks{
		OnDeployment:               enqueue[*DeploymentEvent](q),
		OnDeploymentStatus:         enqueue[*DeploymentStatusEvent](q),
		OnDeploymentReview:         enqueue[*DeploymentReviewEvent](q),
		OnDeploymentProtectionRule: enqueue[*DeploymentProtectionRuleEvent](q),
		OnPing:                     enqueue[*PingEvent](q),
		OnOther:                    enqueue[*Delivery](q),
		OnError:                    q.on.OnError,
	}
}

func enqueue[E Event](q *Queue) func(context.Context, E) error {
	return func(ctx context.Context, event E) error { return q.accept(ctx, event) }
}

// accept takes a delivery over, or says why it does not.
func (q *Queue) accept(ctx context.Context, event Event) error {
	if !q.on.handles(event) {
		return nil
	}
	j := &job{ctx: context.WithoutCancel(ctx), event: event}
	guid := event.Info().GUID

	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.guids.known(guid):
		return nil
	case q.closed:
		return ErrQueueClosed
	case len(q.running) < q.workers:
		q.start(j) //nolint:contextcheck // the job has its context: this request's, without its end
	case len(q.waiting) < q.capacity:
		q.waiting = append(q.waiting, j)
	default:
		return ErrQueueFull
	}
	q.guids.begin(guid)
	return nil
}

// start begins a job. It is called with the lock held.
func (q *Queue) start(j *job) {
	q.running = append(q.running, j)
	go q.work(j)
}

// work carries a job out. However the callback or OnError ends, by
// runtime.Goexit too, the job is ended.
func (q *Queue) work(j *job) {
	ctx, cancel := context.WithCancelCause(j.ctx)
	stop := context.AfterFunc(q.base, func() { cancel(context.Cause(q.base)) })
	err := errExited
	defer func() {
		stop()
		cancel(nil)
		q.end(j, err == nil)
	}()
	defer func() {
		if err != nil {
			q.on.report(ctx, j.event.Info(), err)
		}
	}()
	err = q.on.call(ctx, j.event)
}

// end makes room for the next job.
func (q *Queue) end(j *job, finished bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.guids.end(j.event.Info().GUID, finished)
	for i, other := range q.running {
		if other == j {
			q.running = append(q.running[:i], q.running[i+1:]...)
			break
		}
	}
	if len(q.waiting) > 0 {
		next := q.waiting[0]
		q.waiting[0] = nil
		q.waiting = q.waiting[1:]
		q.start(next)
	}
	q.closeIdle()
}

// closeIdle is called with the lock held.
func (q *Queue) closeIdle() {
	if q.closed && len(q.running) == 0 {
		select {
		case <-q.idle:
		default:
			close(q.idle)
		}
	}
}

// Shutdown stops accepting deliveries and works off those that were accepted.
// Once that is done it returns nil.
//
// If ctx ends before, the contexts of the running callbacks end, what waits is
// not begun, and Shutdown returns at once: the deliveries that are not
// finished, the running ones first, and an error that wraps that of ctx. Write
// their GUIDs down: GitHub redelivers only when asked to. A running one may
// still finish; a second call waits for those.
//
// Shut the HTTP server down first: a delivery that comes later gets 503.
func (q *Queue) Shutdown(ctx context.Context) ([]*Delivery, error) {
	q.mu.Lock()
	q.closed = true
	q.closeIdle()
	q.mu.Unlock()

	select {
	case <-q.idle:
		return nil, nil
	case <-ctx.Done():
	}

	q.mu.Lock()
	var unfinished []*Delivery
	for _, j := range slices.Concat(q.running, q.waiting) {
		unfinished = append(unfinished, j.event.Info())
	}
	for _, j := range q.waiting {
		q.guids.end(j.event.Info().GUID, false)
	}
	q.waiting = nil
	q.mu.Unlock()
	if unfinished == nil { // both came at once
		return nil, nil
	}
	err := fmt.Errorf("webhook: %d deliveries are not finished: %w", len(unfinished), context.Cause(ctx))
	q.cancel(errors.Join(ErrQueueClosed, err))
	return unfinished, err
}
