package ghdeploy_test

import (
	"fmt"
	"testing"

	"github.com/ghdeploy/ghdeploy"
)

func TestUserString(t *testing.T) {
	var deleted *ghdeploy.User
	if got := deleted.String(); got != "ghost" {
		t.Errorf("a nil User is %q, want ghost", got)
	}
	if got := fmt.Sprint(&ghdeploy.User{Login: "octocat"}); got != "octocat" {
		t.Errorf("got %q, want octocat", got)
	}
}
