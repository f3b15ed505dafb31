package stubtest

import (
	"context"
	"iter"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

//go:generate go run github.com/matryer/moq@v0.8.1 -pkg stubtest -out moq_test.go ../.. DeploymentsService

// moq_test.go is generated: run "go generate ./examples/stubtest".
func TestReleaseWithAGeneratedStub(t *testing.T) {
	deployments := &DeploymentsServiceMock{
		AllFunc: func(context.Context, string, string, ghdeploy.DeploymentListOptions) iter.Seq2[*ghdeploy.Deployment, error] {
			return func(func(*ghdeploy.Deployment, error) bool) {} // none yet
		},
		CreateFunc: func(_ context.Context, _, _ string, req ghdeploy.DeploymentRequest) (*ghdeploy.Deployment, error) {
			return &ghdeploy.Deployment{ID: 42, Ref: req.Ref}, nil
		},
	}
	d, err := Release(t.Context(), deployments, "v1")
	if err != nil || d.ID != 42 {
		t.Errorf("Release = %v, %v, want deployment 42", d, err)
	}
	if calls := deployments.CreateCalls(); len(calls) != 1 || calls[0].Req.Ref != "v1" {
		t.Errorf("Create was called as %v, want once with v1", calls)
	}
}
