package webhook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// QueueOptions configures a [Queue]. A zero field takes its default. A negative
// number is an invalid argument.
type QueueOptions struct {
	Workers  int // deliveries that are processed at once; default 4
	Capacity int // deliveries that wait; default 100
	Remember int // finished deliveries that are remembered; default 10,000

	// Key returns the key of an event. Events of one key are processed one after
	// the other, in the order of their arrival. An event with the key "" waits for
	// no other. Key is called on the goroutine of the request, for each event that
	// has a callback.
	//
	// The default is the repository and the environment for the four deployment
	// events, and "" for every other event. So the callback of a deployment must
	// not wait for the deployment_status events that it causes; a Key that holds
	// the event's name as well lets them pass.
	Key func(Event) string

	// OnDuplicate is called for each delivery that is dropped as a duplicate, on
	// the goroutine of the request. The Handler answers 204.
	OnDuplicate func(ctx context.Context, d *Delivery)
}

// Queue accepts deliveries from a [Handler] and calls the callbacks later, so
// that GitHub gets its response in time. It is safe for concurrent use. Create
// one with [NewQueue].
//
// Deliveries begin in the order of their arrival, and those of one key
// ([QueueOptions.Key]) never overlap. GitHub does not promise that they arrive in
// the order of their events.
//
// A delivery is a duplicate, and is acknowledged and dropped, if the queue
// remembers its event name with its GUID or with its payload. The queue
// remembers what waits, what is processed, and the newest finished deliveries.
// GitHub redelivers under the GUID of the first delivery; somebody who replays a
// recorded delivery can choose another GUID, but not another payload. The payload
// of an event that this package has no type for is not compared, because GitHub
// can send the same one for two events.
//
// If the callback fails, the delivery is forgotten, so that a redelivery is
// processed. If a duplicate was dropped meanwhile, the delivery is processed
// once more instead, before later ones of its key.
//
// If there is no room, the Handler answers 503, and the delivery can be
// redelivered by hand. An accepted delivery is lost only if the process is
// killed: the package documentation says what to do about that.
type Queue struct {
	on          Callbacks
	workers     int
	capacity    int
	key         func(Event) string
	onDuplicate func(context.Context, *Delivery)
	base        context.Context // of all callbacks
	cancel      context.CancelCauseFunc

	mu       sync.Mutex
	waiting  *lineup
	running  []*job // in the order of their start
	memory   *memory
	arrivals uint64
	counted  QueueStats // the totals
	closed   bool
	givenUp  bool          // by Shutdown
	idle     chan struct{} // closed when closed is set and no job is left
}

// job is one delivery that was accepted.
type job struct {
	ctx     context.Context // the request's values, without its end
	event   Event
	key     string
	digests []digest

	arrival  uint64
	accepted time.Time
	again    *job // the latest duplicate of this one
}

// NewQueue returns a Queue that calls the callbacks. A negative option is a
// [ghdeploy.ErrInvalidArgument].
func NewQueue(on Callbacks, opts QueueOptions) (*Queue, error) {
	for name, n := range map[string]int{"Workers": opts.Workers, "Capacity": opts.Capacity, "Remember": opts.Remember} {
		if n < 0 {
			return nil, invalidArgument("NewQueue: %s is %d; omit it for the default", name, n)
		}
	}
	if opts.Key == nil {
		opts.Key = environmentKey
	}
	base, cancel := context.WithCancelCause(context.Background())
	return &Queue{
		on:          on,
		workers:     cmp.Or(opts.Workers, 4),
		capacity:    cmp.Or(opts.Capacity, 100),
		key:         opts.Key,
		onDuplicate: opts.OnDuplicate,
		base:        base,
		cancel:      cancel,
		waiting:     newLineup(),
		memory:      newMemory(cmp.Or(opts.Remember, 10_000)),
		idle:        make(chan struct{}),
	}, nil
}

// Callbacks returns the callbacks to pass to [NewHandler]. They put their event
// into the queue and return [ErrQueueFull] or [ErrQueueClosed] if it is not
// accepted.
//
// The callbacks behind the queue get a context that outlives the request. It
// has the request's values and ends when [Queue.Shutdown] gives up.
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

// accept takes a delivery, or returns why it does not.
func (q *Queue) accept(ctx context.Context, event Event) error {
	if !q.on.handles(event) {
		return nil
	}
	j := &job{
		ctx: context.WithoutCancel(ctx), event: event, key: q.key(event), digests: identify(event), accepted: time.Now(),
	}
	duplicate, err := q.admit(j) //nolint:contextcheck // the job has its context: this request's, without its end
	if duplicate && q.onDuplicate != nil {
		defer func() {
			if value := recover(); value != nil { // the delivery is acknowledged all the same
				q.on.report(ctx, event.Info(), &PanicError{Value: value, Stack: debug.Stack()}, slog.LevelError)
			}
		}()
		q.onDuplicate(ctx, event.Info())
	}
	return err
}

func (q *Queue) admit(j *job) (duplicate bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	earlier, known := q.memory.find(j.digests)
	mustWait := len(q.running) >= q.workers || q.waiting.busy(j.key)
	switch {
	case known && (earlier == nil || !q.givenUp):
		q.counted.Duplicates++
		if earlier != nil {
			earlier.again = j
		}
		return true, nil
	case q.closed: // also a duplicate of a job that was given up
		q.counted.Refused++
		return false, ErrQueueClosed
	case mustWait && q.waiting.len() >= q.capacity:
		q.counted.Refused++
		return false, ErrQueueFull
	}
	q.arrivals++
	j.arrival = q.arrivals
	q.memory.begin(j)
	q.waiting.add(j)
	q.dispatch()
	return false, nil
}

// dispatch starts what can start. It is called with the lock held.
func (q *Queue) dispatch() {
	for len(q.running) < q.workers {
		j := q.waiting.next()
		if j == nil {
			return
		}
		q.start(j)
	}
}

// start begins a job. It is called with the lock held.
func (q *Queue) start(j *job) {
	q.running = append(q.running, j)
	go q.work(j)
}

// work processes a job. However the callback or OnError ends, by
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
			q.on.report(ctx, j.event.Info(), err, slog.LevelError)
		}
	}()
	err = q.on.call(ctx, j.event)
}

// end makes room for the next job.
func (q *Queue) end(j *job, finished bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = slices.DeleteFunc(q.running, func(other *job) bool { return other == j })
	if finished {
		q.counted.Finished++
	} else {
		q.counted.Failed++
	}
	if again := j.again; !finished && again != nil && !q.givenUp {
		again.key, again.digests, again.arrival, again.accepted = j.key, j.digests, j.arrival, j.accepted
		q.memory.begin(again)
		q.start(again)
		return
	}
	q.memory.end(j, finished)
	q.waiting.release(j.key)
	q.dispatch()
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

// Shutdown stops accepting deliveries and waits until the accepted ones are
// processed. Then it returns nil.
//
// If ctx ends before, Shutdown ends the contexts of the running callbacks,
// begins no other delivery, and returns at once. It returns the deliveries that
// are not finished, the running ones first and the others in the order of their
// arrival, and an error that wraps that of ctx. Log their GUIDs: GitHub
// redelivers only on request. A running one may still finish; a second call
// waits for those.
//
// Shut the HTTP server down first: a later delivery gets a 503.
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
	for _, j := range slices.Concat(q.running, q.waiting.clear()) {
		unfinished = append(unfinished, j.event.Info())
	}
	q.givenUp = unfinished != nil
	q.mu.Unlock()
	if unfinished == nil { // both came at once
		return nil, nil
	}
	err := fmt.Errorf("webhook: %d deliveries are not finished: %w", len(unfinished), context.Cause(ctx))
	q.cancel(errors.Join(ErrQueueClosed, err))
	return unfinished, err
}
