package stubtest

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

// stub is a handwritten DeploymentsService. It embeds the interface and has the
// methods that the code under test calls. Any other method would panic.
type stub struct {
	ghdeploy.DeploymentsService
	existing []*ghdeploy.Deployment
	create   error
}

func (s *stub) List(_ context.Context, _, _ string, opts ghdeploy.DeploymentListOptions) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
	page := max(opts.Page, 1)
	if page > len(s.existing) {
		return &ghdeploy.Page[*ghdeploy.Deployment]{}, nil
	}
	p := &ghdeploy.Page[*ghdeploy.Deployment]{Items: s.existing[page-1 : page]}
	if page < len(s.existing) {
		p.NextPage = page + 1
	}
	return p, nil
}

// All ranges over the pages of List.
func (s *stub) All(ctx context.Context, owner, repo string, opts ghdeploy.DeploymentListOptions) iter.Seq2[*ghdeploy.Deployment, error] {
	return ghdeploy.Pages(opts.Page, func(page int) (*ghdeploy.Page[*ghdeploy.Deployment], error) {
		opts := opts
		opts.Page = page
		return s.List(ctx, owner, repo, opts)
	})
}

func (s *stub) Create(_ context.Context, _, _ string, req ghdeploy.DeploymentRequest) (*ghdeploy.Deployment, error) {
	if s.create != nil {
		return nil, s.create
	}
	return &ghdeploy.Deployment{ID: 43, Ref: req.Ref}, nil
}

func TestReleaseFindsAnExistingDeployment(t *testing.T) {
	client := ghdeploy.Client{Deployments: &stub{existing: []*ghdeploy.Deployment{{ID: 42, Ref: "v1"}, {ID: 41, Ref: "v1"}}}}
	d, err := Release(t.Context(), client.Deployments, "v1")
	if err != nil || d.ID != 42 {
		t.Errorf("Release = %v, %v, want deployment 42", d, err)
	}
}

func TestReleaseCreates(t *testing.T) {
	d, err := Release(t.Context(), &stub{}, "v2")
	if err != nil || d.ID != 43 || d.Ref != "v2" {
		t.Errorf("Release = %v, %v, want deployment 43 of v2", d, err)
	}
}

func TestReleaseOfAMissingRef(t *testing.T) {
	_, err := Release(t.Context(), &stub{create: &ghdeploy.Error{StatusCode: 422, Err: ghdeploy.ErrRefNotFound}}, "v3")
	if !errors.Is(err, ghdeploy.ErrRefNotFound) || !errors.Is(err, ghdeploy.ErrValidation) {
		t.Errorf("Release = %v, want ErrRefNotFound, which is an ErrValidation", err)
	}
}

func TestAllOfAStub(t *testing.T) {
	s := &stub{existing: []*ghdeploy.Deployment{{ID: 3}, {ID: 2}, {ID: 1}}}
	var ids []int64
	for d, err := range s.All(t.Context(), "octocat", "example", ghdeploy.DeploymentListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	if len(ids) != 3 || ids[0] != 3 || ids[2] != 1 {
		t.Errorf("ids = %v, want [3 2 1]", ids)
	}
}
