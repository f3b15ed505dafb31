package ghdeploytest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/ghdeploytest"
)

// A release makes the deployment that the setup created inactive.
func ExampleSeedDeployment() {
	yesterday := time.Now().Add(-24 * time.Hour)
	srv := ghdeploytest.NewServer(ghdeploytest.WithRepository(ghdeploytest.Repository{
		FullName: "octocat/example",
		Deployments: []ghdeploytest.SeedDeployment{{
			ID: 1, Environment: "staging", CreatedAt: yesterday,
			Statuses: []ghdeploytest.SeedStatus{{State: "in_progress"}, {State: "success", CreatedAt: yesterday.Add(time.Minute)}},
		}},
	}))
	defer srv.Close()
	if err := Release(context.Background(), srv.Client(), "main"); err != nil {
		fmt.Println(err)
	}

	for _, d := range srv.Deployments("octocat/example") {
		fmt.Println(d.ID, d.State())
		if st := d.Inactive(); st != nil {
			fmt.Println("made inactive by", st.Creator, "with deployment", st.AutoInactiveBy)
		}
	}
	// Output:
	// 1 inactive
	// made inactive by octocat with deployment 6000000001
	// 6000000001 success
}

// A user with write access who is no administrator cannot delete an
// environment.
func ExampleToken_role() {
	srv := ghdeploytest.NewServer(ghdeploytest.WithToken(ghdeploytest.Token{Value: ghdeploytest.DefaultToken, Role: "write"}))
	defer srv.Close()
	client, ctx := srv.Client(), context.Background()

	fmt.Println("deploy:", Release(ctx, client, "main"))
	err := client.Environments.Delete(ctx, "octocat", "example", "staging")
	var e *ghdeploy.Error
	if errors.As(err, &e) {
		fmt.Println("delete:", e.StatusCode, e.Message)
	}
	// Output:
	// deploy: <nil>
	// delete: 403 Must have admin rights to Repository.
}
