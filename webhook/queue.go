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
	Workers  int // maximum number of callbacks that run at once; default 4
	Capacity int // maximum number of deliveries that wait; default 100
	Remember int // number of finished deliveries to remember; default 10,000

	// Key returns the key of an event. Events with the same key are processed
	// one after the other, in the order of their arrival. An event with the key
	// "" does not wait for other events. Key is called on the goroutine of the
	// request, for each event that has a callback.
	//
	// The default key is the repository and the environment for the four
	// deployment events, and "" for every other event. With it, the callback of
	// a deployment must not wait for the deployment_status events that it
	// causes. To allow that, include the event's name in the key.
	Key func(Event) string

	// OnDuplicate is called for each delivery that is dropped as a duplicate,
	// on the goroutine of the request. The Handler responds with 204.
	OnDuplicate func(ctx context.Context, d *Delivery)
}

// Queue accepts deliveries from a [Handler] and calls the callbacks later, so
// that GitHub gets its response in time. It is safe for concurrent use. Create
// one with [NewQueue].
//
// Deliveries begin in the order of their arrival, and those of one key
// ([QueueOptions.Key]) never overlap. GitHub does not guarantee that deliveries
// arrive in the order of their events.
//
// A delivery is a duplicate if the queue remembers another one with the same
// event name and with the same GUID or the same payload. A duplicate is
// acknowledged and dropped. The queue remembers the waiting, the running and
// the newest finished deliveries. GitHub redelivers under the GUID of the first
// delivery. An attacker who replays a recorded delivery can choose another
// GUID, but not another payload. The payload of an event that this package has
// no type for is not compared, because GitHub can send the same payload for two
// events.
//
// If the callback fails, the queue forgets the delivery, so that a redelivery
// is processed. If the redelivery came while the callback still ran, the queue
// processes the delivery once more, before later ones of its key.
//
// If the queue is full, the Handler responds with 503, and the delivery can be
// redelivered by hand. An accepted delivery is lost only if the process is
// killed. The package documentation says how to recover.
type Queue struct {
	on          Callbacks
	workers     int
	capacity    int
	key         func(Event) string
	onDuplicate func(context.Context, *Delivery)
	base        context.Context // parent of the contexts of all callbacks
	cancel      context.CancelCauseFunc

	mu       sync.Mutex
	waiting  *lineup
	running  []*job // in the order in which they started
	memory   *memory
	arrivals uint64
	counted  QueueStats // totals; the other fields stay 0
	closed   bool
	givenUp  bool          // Shutdown returned before all jobs were finished
	idle     chan struct{} // closed once closed is true and no job is left
}

// job is one accepted delivery.
type job struct {
	ctx     context.Context // the request's values, without its cancellation
	event   Event
	key     string
	digests []digest

	arrival  uint64
	accepted time.Time
	again    *job // the latest duplicate of this job
}

// NewQueue returns a Queue that calls the callbacks. If an option is negative,
// the error is [ghdeploy.ErrInvalidArgument].
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

// Callbacks returns the callbacks to pass to [NewHandler]. They put the event
// into the queue and return nil, or [ErrQueueFull] or [ErrQueueClosed].
//
// The callbacks given to [NewQueue] get a context that outlives the request. It
// has the request's values, and it ends when the context of [Queue.Shutdown]
// ends.
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

// accept puts a delivery into the queue, or returns the reason for its refusal.
func (q *Queue) accept(ctx context.Context, event Event) error {
	if !q.on.handles(event) {
		return nil
	}
	j := &job{
		ctx: context.WithoutCancel(ctx), event: event, key: q.key(event), digests: identify(event), accepted: time.Now(),
	}
	duplicate, err := q.admit(j) //nolint:contextcheck // the job's context is the request's, without its cancellation
	if duplicate && q.onDuplicate != nil {
		defer func() {
			if value := recover(); value != nil { // the delivery is acknowledged nevertheless
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
	case q.closed: // also for a duplicate of an unfinished job after Shutdown gave up
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

// dispatch starts jobs while workers are free. It is called with the lock held.
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

// work processes a job. The job ends even if the callback or OnError panics or
// calls runtime.Goexit.
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

// end removes a job and starts the next one.
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

// closeIdle closes idle if no job is left. It is called with the lock held.
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
// If ctx ends first, Shutdown cancels the contexts of the running callbacks,
// starts no other delivery, and returns at once. It returns the unfinished
// deliveries, the running ones first and then the others in the order of their
// arrival, and an error that wraps the cause of ctx. Log their GUIDs, because
// GitHub redelivers only on request. A running callback may still finish; a
// second call of Shutdown waits for it.
//
// Shut the HTTP server down first. A delivery that arrives later gets a 503.
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
	if unfinished == nil { // the last job ended at the same moment as ctx
		return nil, nil
	}
	err := fmt.Errorf("webhook: %d deliveries are not finished: %w", len(unfinished), context.Cause(ctx))
	q.cancel(errors.Join(ErrQueueClosed, err))
	return unfinished, err
}
