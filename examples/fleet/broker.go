package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamName = "DEPLOYMENTS"
	startWait  = 15 * time.Second // maximum wait for the embedded server, and for JetStream's responses
)

// brokerConfig describes the connection to NATS and the stream.
type brokerConfig struct {
	url   string // "" starts an embedded server
	creds string // file with NATS credentials, or ""

	listen string // address of the embedded server; "" if no other process may connect
	store  string // directory of the embedded server's data

	partitions int
	replicas   int
	window     time.Duration // time for which message IDs are remembered
	ackWait    time.Duration
}

// broker is a connection to JetStream with the stream of deliveries and a
// consumer for each partition.
type broker struct {
	conn       *nats.Conn
	js         jetstream.JetStream
	stream     jetstream.Stream
	partitions []jetstream.Consumer
	ackWait    time.Duration
	embedded   *server.Server // nil with -nats
}

// open connects to NATS, or to an embedded server if the URL is "". It creates
// the stream and its consumers if they do not exist.
func open(ctx context.Context, c brokerConfig, name string) (*broker, error) {
	if c.partitions < 1 || c.replicas < 1 || c.ackWait < time.Second || c.window < time.Second {
		return nil, errors.New("-partitions and -replicas must be at least 1, -ack-wait and -window at least 1s")
	}
	b := &broker{ackWait: c.ackWait}
	options := []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // credentials can be renewed
		nats.ReconnectBufSize(-1),   // publishing fails immediately while the connection is down
	}
	if c.creds != "" {
		options = append(options, nats.UserCredentials(c.creds))
	}
	if c.url == "" {
		var err error
		if b.embedded, err = embed(c.listen, c.store); err != nil {
			return nil, err
		}
		options = append(options, nats.InProcessServer(b.embedded))
	}
	var err error
	if b.conn, err = nats.Connect(c.url, options...); err != nil {
		b.close()
		return nil, fmt.Errorf("connecting to NATS: %w", err)
	}
	if b.js, err = jetstream.New(b.conn); err == nil {
		err = b.setUp(ctx, c)
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// embed starts a server that stores its data in a directory. It acknowledges a
// message after it has written the message to the disk.
func embed(listen, store string) (*server.Server, error) {
	if err := os.MkdirAll(store, 0o700); err != nil {
		return nil, err
	}
	options := &server.Options{
		ServerName: "fleet", JetStream: true, StoreDir: store, SyncAlways: true,
		MaxPayload: 8 << 20, NoSigs: true, NoLog: true, DontListen: listen == "",
	}
	if listen != "" {
		host, port, err := net.SplitHostPort(listen)
		if err != nil {
			return nil, fmt.Errorf("-listen: %w", err)
		}
		if options.Host = host; host == "" {
			options.Host = "0.0.0.0"
		}
		if options.Port, err = strconv.Atoi(port); err != nil {
			return nil, fmt.Errorf("-listen: the port of %q is not a number", listen)
		}
		if options.Port == 0 {
			options.Port = server.RANDOM_PORT
		}
	}
	ns, err := server.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("the embedded nats-server: %w", err)
	}
	ns.Start()
	if !ns.ReadyForConnections(startWait) {
		ns.Shutdown()
		return nil, fmt.Errorf("the embedded nats-server did not start within %s; is %s in use?", startWait, listen)
	}
	return ns, nil
}

// setUp creates the stream and the consumers if they do not exist. It returns
// an error if existing ones have another configuration.
func (b *broker) setUp(ctx context.Context, c brokerConfig) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	stream, err := b.js.Stream(ctx, streamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = b.js.CreateStream(ctx, streamConfig(c))
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process created it
			stream, err = b.js.Stream(ctx, streamName)
		}
	}
	if err != nil {
		return fmt.Errorf("the stream %s: %w", streamName, err)
	}
	b.stream = stream
	if have := stream.CachedInfo().Config.Metadata["partitions"]; have != strconv.Itoa(c.partitions) {
		return fmt.Errorf("the stream %s has %q partitions and -partitions is %d; to change it, stop every receiver, let the workers finish, and delete the stream",
			streamName, have, c.partitions)
	}
	for i := range c.partitions {
		want := consumerConfig(i, c.ackWait)
		consumer, err := stream.Consumer(ctx, want.Durable)
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			consumer, err = stream.CreateConsumer(ctx, want)
		}
		if err != nil {
			return fmt.Errorf("the consumer of partition %d: %w", i, err)
		}
		// With a longer ack wait than JetStream's, a worker would keep a lost
		// message.
		if have := consumer.CachedInfo().Config; have.AckWait != c.ackWait || have.MaxAckPending != 1 || have.FilterSubject != want.FilterSubject {
			return fmt.Errorf("the consumer %s has the ack wait %s and -ack-wait is %s; to change it, stop every worker and edit the consumers",
				want.Durable, have.AckWait, c.ackWait)
		}
		b.partitions = append(b.partitions, consumer)
	}
	return nil
}

// streamConfig returns the configuration of the stream. Even acknowledged
// messages stay for the window, because a restart restores the IDs from them.
func streamConfig(c brokerConfig) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:     streamName,
		Subjects: []string{"deploy.*.*.*"},
		SubjectTransform: &jetstream.SubjectTransformConfig{
			Source:      "deploy.*.*.*",
			Destination: fmt.Sprintf("deploy.{{partition(%d,1,2,3)}}.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}", c.partitions),
		},
		Storage:    jetstream.FileStorage,
		Retention:  jetstream.LimitsPolicy,
		Discard:    jetstream.DiscardNew, // a full stream refuses new messages, so that none is lost
		Replicas:   c.replicas,
		Duplicates: c.window,
		MaxAge:     c.window,
		Metadata:   map[string]string{"partitions": strconv.Itoa(c.partitions)},
	}
}

// consumerConfig returns the configuration of a partition's consumer. With one
// unacknowledged message at a time, all machines together keep the order.
func consumerConfig(partition int, ackWait time.Duration) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       fmt.Sprintf("partition-%d", partition),
		FilterSubject: fmt.Sprintf("deploy.%d.*.*.*", partition),
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       ackWait,
		MaxAckPending: 1,
		MaxDeliver:    -1,
	}
}

// close closes the connection and shuts the embedded server down.
func (b *broker) close() {
	if b.conn != nil {
		b.conn.Close()
	}
	if b.embedded != nil {
		b.embedded.Shutdown()
		b.embedded.WaitForShutdown()
	}
}
