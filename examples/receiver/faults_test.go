package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// All calls of the API fail for ten minutes.
func TestOutageBeforeTheDeployment(t *testing.T) {
	for _, effect := range []ghdeploytest.Effect{
		ghdeploytest.Respond(http.StatusBadGateway, ""),
		ghdeploytest.RefuseConnection(),
		ghdeploytest.DropMidResponse(),
		ghdeploytest.HTMLBody(), // the page of a proxy
		ghdeploytest.Respond(http.StatusTooManyRequests, `{"message":"API rate limit exceeded"}`).WithHeader("Retry-After", "60"),
	} {
		t.Run(effect.String(), func(t *testing.T) {
			inBubble(t, config{}, func(t *testing.T, b *bubble) {
				b.hook()
				down := time.Now().Add(10 * time.Minute)
				b.server.Inject(ghdeploytest.Fault{
					Operation: ghdeploytest.AnyOperation, Times: ghdeploytest.Always, Effect: effect,
					Match: func(r ghdeploytest.Request) bool { return r.Operation != postDeployment && time.Now().Before(down) },
				})
				d := create(t, b.server, "staging")
				if n := b.finish(t); n != 1 {
					t.Errorf("deployed %d times", n)
				}
				expect(t, b.server, d, "in_progress success")
			})
		})
	}
}

// GitHub requires a longer wait than the client makes.
func TestHonoursALongRetryAfter(t *testing.T) {
	inBubble(t, config{}, func(t *testing.T, b *bubble) {
		b.hook()
		b.server.Inject(ghdeploytest.Fault{
			Operation: getStatuses, Effect: ghdeploytest.Respond(http.StatusServiceUnavailable, "").WithHeader("Retry-After", "600"),
		})
		create(t, b.server, "staging")
		b.finish(t)
		var reads []time.Time
		for _, r := range b.server.Requests() {
			if r.Operation == getStatuses {
				reads = append(reads, r.Time)
			}
		}
		if wait := reads[1].Sub(reads[0]); wait < 10*time.Minute {
			t.Errorf("the second read came after %v", wait)
		}
	})
}

// The outcome is reported once, despite one fault.
func TestFaultsOnTheOutcome(t *testing.T) {
	limit := `{"message":"You have exceeded a secondary rate limit."}`
	for _, test := range []struct {
		fault ghdeploytest.Fault
		want  string
	}{
		{ghdeploytest.Fault{Effect: ghdeploytest.Respond(http.StatusBadGateway, "")}, "in_progress success"},
		{ghdeploytest.Fault{Effect: ghdeploytest.Respond(http.StatusBadGateway, ""), Times: 10}, "in_progress success"},
		{ghdeploytest.Fault{Effect: ghdeploytest.DropAfter()}, "in_progress success"},
		{ghdeploytest.Fault{Effect: ghdeploytest.DropBefore(), Times: 10}, "in_progress success"},
		{ghdeploytest.Fault{Effect: ghdeploytest.EmptyBody()}, "in_progress success"},
		{ghdeploytest.Fault{Effect: ghdeploytest.ExecuteLater(10 * time.Second)}, "in_progress success"},
		{ghdeploytest.Fault{Effect: ghdeploytest.Respond(http.StatusForbidden, limit).WithHeader("Retry-After", "60"), Times: 5}, "in_progress success"},
		{ghdeploytest.Fault{Effect: ghdeploytest.Respond(http.StatusForbidden, limit).WithHeader("Retry-After", "2400")}, "in_progress success"},
	} {
		t.Run(fmt.Sprint(test.fault.Effect, test.fault.Times), func(t *testing.T) {
			inBubble(t, config{}, func(t *testing.T, b *bubble) {
				b.hook()
				test.fault.Operation, test.fault.Match = postStatus, state(ghdeploy.StateSuccess)
				b.server.Inject(test.fault)
				d := create(t, b.server, "staging")
				if n := b.finish(t); n != 1 {
					t.Errorf("deployed %d times", n)
				}
				expect(t, b.server, d, test.want)
			})
		})
	}
}

// The deployment is deployed once, despite faults on in_progress.
func TestFaultsOnInProgress(t *testing.T) {
	for _, test := range []struct {
		fault ghdeploytest.Fault
		want  string
	}{
		{ghdeploytest.Fault{Effect: ghdeploytest.Respond(http.StatusBadGateway, "")}, "in_progress success"},
		{ghdeploytest.Fault{Effect: ghdeploytest.Respond(http.StatusBadGateway, ""), Times: ghdeploytest.Always}, "success"},
		{ghdeploytest.Fault{Effect: ghdeploytest.Respond(http.StatusForbidden, `{"message":"Resource not accessible"}`)}, "success"},
		{ghdeploytest.Fault{Effect: ghdeploytest.DropAfter()}, "in_progress success"},
		{ghdeploytest.Fault{Effect: ghdeploytest.ExecuteLater(10 * time.Second)}, "in_progress success"},
	} {
		t.Run(fmt.Sprint(test.fault.Effect, test.fault.Times), func(t *testing.T) {
			inBubble(t, config{}, func(t *testing.T, b *bubble) {
				b.hook()
				test.fault.Operation, test.fault.Match = postStatus, state(ghdeploy.StateInProgress)
				b.server.Inject(test.fault)
				d := create(t, b.server, "staging")
				if n := b.finish(t); n != 1 {
					t.Errorf("deployed %d times", n)
				}
				expect(t, b.server, d, test.want)
			})
		})
	}
}

// GitHub refuses the outcome permanently. A redelivery reports the same outcome
// and does not deploy. The error of the shutdown names the deployment.
func TestOutcomeRefused(t *testing.T) {
	inBubble(t, config{}, func(t *testing.T, b *bubble) {
		b.hook()
		b.server.Inject(ghdeploytest.Fault{
			Operation: postStatus, Match: state(ghdeploy.StateSuccess), Times: 2,
			Effect: ghdeploytest.Respond(http.StatusForbidden, `{"message":"Resource not accessible by personal access token"}`),
		})
		d := create(t, b.server, "staging")
		synctest.Wait()
		expect(t, b.server, d, "in_progress")
		redeliver := func() {
			for _, delivery := range b.server.Deliveries() {
				if delivery.Event == "deployment" && !delivery.Redelivery {
					b.server.Redeliver(delivery.GUID)
				}
			}
			synctest.Wait()
		}
		redeliver() // refused too
		if ids := b.deployer.unreported.ids(); !slices.Equal(ids, []int64{d.ID}) {
			t.Errorf("unreported: %d, want %d", ids, d.ID)
		}
		redeliver()
		if n := b.finish(t); n != 1 {
			t.Errorf("deployed %d times", n)
		}
		expect(t, b.server, d, "in_progress success")
	})
	inBubble(t, config{}, func(t *testing.T, b *bubble) {
		b.hook()
		b.server.Inject(ghdeploytest.Fault{
			Operation: postStatus, Match: state(ghdeploy.StateSuccess),
			Effect: ghdeploytest.Respond(http.StatusForbidden, `{"message":"Resource not accessible by personal access token"}`),
		})
		d := create(t, b.server, "staging")
		synctest.Wait()
		if err := b.end(t, time.Hour); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("[%d]", d.ID)) {
			t.Errorf("the shutdown returned %v; it does not name %d", err, d.ID)
		}
	})
}

// GitHub refuses the URL of the outcome.
func TestInvalidURL(t *testing.T) {
	inBubble(t, config{}, func(t *testing.T, b *bubble) {
		b.hook()
		b.server.Inject(ghdeploytest.Fault{
			Operation: postStatus, Times: ghdeploytest.Always,
			Match:  func(r ghdeploytest.Request) bool { return strings.Contains(r.Body, "environment_url") },
			Effect: ghdeploytest.Respond(http.StatusUnprocessableEntity, `{"message":"Validation Failed"}`),
		})
		d := create(t, b.server, "staging")
		b.finish(t)
		expect(t, b.server, d, "in_progress success")
	})
}

func TestDeployFails(t *testing.T) {
	for name, deploy := range map[string]func(context.Context, ghdeploy.Deployment) (string, error){
		"error": func(context.Context, ghdeploy.Deployment) (string, error) { return "", errors.New("s3cret") },
		"panic": func(context.Context, ghdeploy.Deployment) (string, error) { panic("s3cret") },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, config{}, func(t *testing.T, b *bubble) {
				b.hook()
				b.deploy = deploy
				d := create(t, b.server, "staging")
				b.finish(t)
				expect(t, b.server, d, "in_progress failure")
				if last := statuses(b.server, d)[1]; strings.Contains(last.Description, "s3cret") {
					t.Errorf("the description is %q", last.Description)
				}
				if failed := b.queue.Stats().Failed; failed != 1 {
					t.Errorf("%d deliveries failed", failed)
				}
			})
		})
	}
}

// Another program ends the deployment after the receiver read its record and
// before it reports in_progress.
func TestFinalMeanwhile(t *testing.T) {
	inBubble(t, config{}, func(t *testing.T, b *bubble) {
		b.hook()
		reads := 0
		b.server.Inject(ghdeploytest.Fault{
			Operation: getStatuses, Nth: 2, Latency: time.Second,
			Match: func(ghdeploytest.Request) bool { reads++; return true },
		})
		d := create(t, b.server, "staging")
		synctest.Wait() // in the second read, that of Report
		report(t, b.server, d, ghdeploy.DeploymentStatusRequest{State: ghdeploy.StateInactive})
		if n := b.finish(t); n != 0 || reads != 2 {
			t.Errorf("deployed %d times, %d reads", n, reads)
		}
		expect(t, b.server, d, "inactive")
	})
}

// Five deployments of one environment while the first runs: only the newest of
// the waiting ones is deployed.
func TestOnlyTheNewestIsDeployed(t *testing.T) {
	inBubble(t, config{}, func(t *testing.T, b *bubble) {
		b.hook()
		b.deploy = func(context.Context, ghdeploy.Deployment) (string, error) {
			time.Sleep(time.Minute)
			return "", nil
		}
		var all []*ghdeploy.Deployment
		for range 5 {
			all = append(all, create(t, b.server, "Staging"))
			synctest.Wait()
			time.Sleep(time.Second)
		}
		b.finish(t)
		if want := []int64{all[0].ID, all[4].ID}; !slices.Equal(b.deployed, want) {
			t.Errorf("deployed %d, want %d", b.deployed, want)
		}
		expect(t, b.server, all[0], "in_progress success inactive")
		for _, d := range all[1:4] {
			expect(t, b.server, d, "inactive")
		}
		expect(t, b.server, all[4], "in_progress success")
	})
}

func TestServesOnlyItsOwn(t *testing.T) {
	inBubble(t, config{environments: []string{"Staging", "production"}}, func(t *testing.T, b *bubble) {
		b.deployer.repos[0].Owner = "ACME"
		b.hook()
		staging, preview := create(t, b.server, "staging"), create(t, b.server, "preview")
		b.finish(t)
		expect(t, b.server, staging, "in_progress success")
		expect(t, b.server, preview, "")
	})
	inBubble(t, config{}, func(t *testing.T, b *bubble) {
		b.deployer.repos[0].Name = "other"
		b.hook()
		d := create(t, b.server, "staging")
		b.finish(t)
		expect(t, b.server, d, "")
	})
}

// The shutdown does not wait for the API.
func TestShutdownDuringAnOutage(t *testing.T) {
	inBubble(t, config{}, func(t *testing.T, b *bubble) {
		b.hook()
		b.server.Inject(ghdeploytest.Fault{
			Operation: ghdeploytest.AnyOperation, Times: ghdeploytest.Always, Effect: ghdeploytest.Respond(http.StatusBadGateway, ""),
			Match: func(r ghdeploytest.Request) bool { return r.Operation != postDeployment },
		})
		d := create(t, b.server, "staging")
		delivered(t, b.server)
		began := time.Now()
		if err := b.end(t, 25*time.Second); err == nil {
			t.Error("the shutdown succeeded")
		}
		if took := time.Since(began); took > 36*time.Second {
			t.Errorf("the shutdown took %v", took)
		}
		if len(b.deployed) != 0 {
			t.Error("deployed")
		}
		expect(t, b.server, d, "") // the next start deploys it
	})
}

// The function deploy does not return when its context ends.
func TestDeployIgnoresItsContext(t *testing.T) {
	inBubble(t, config{}, func(t *testing.T, b *bubble) {
		b.hook()
		b.deploy = func(context.Context, ghdeploy.Deployment) (string, error) {
			time.Sleep(time.Hour)
			return "", nil
		}
		d := create(t, b.server, "staging")
		delivered(t, b.server)
		began := time.Now()
		if err := b.end(t, 25*time.Second); err == nil {
			t.Error("the shutdown succeeded")
		}
		if took := time.Since(began); took > 36*time.Second {
			t.Errorf("the shutdown took %v", took)
		}
		expect(t, b.server, d, "in_progress") // the next start reports error
		time.Sleep(time.Hour)
	})
}
