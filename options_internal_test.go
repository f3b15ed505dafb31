package ghdeploy

import (
	"testing"
	"time"
)

// Without a client of the caller's, an attempt does not last for ever.
func TestDefaultTimeout(t *testing.T) {
	c, err := newCore(nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.http.Timeout != 30*time.Second {
		t.Errorf("an attempt may take %v, want 30s", c.http.Timeout)
	}
}
