package ghdeploy

import (
	"errors"
	"fmt"
	"testing"
)

// The wordings are net/http's of Go 1.26. What is worded otherwise proves
// nothing.
func TestGivenUp(t *testing.T) {
	const rest = " after Request.Body was written; define Request.GetBody to avoid this error"
	for _, tt := range []struct {
		text string
		want error // nil: the error stays as it is
	}{
		{"http2: Transport: cannot retry err [stream error: stream ID 3; REFUSED_STREAM; received from peer]" + rest, errNotProcessed},
		{"http2: Transport: cannot retry err [stream error: stream ID 3; REFUSED_STREAM]" + rest, errNotProcessed},
		{"http2: Transport: cannot retry err [http2: Transport received Server's graceful shutdown GOAWAY]" + rest, errNotProcessed},
		{"http2: Transport: cannot retry err [stream error: stream ID 3; PROTOCOL_ERROR; received from peer]" + rest, errGivenUp},
		{"http2: Transport: cannot retry err [stream error: stream ID 3; PROTOCOL_ERROR; REFUSED_STREAM]" + rest, errGivenUp},
		{"http2: Transport: cannot retry err [something new]" + rest, errGivenUp},
		{"http2: Transport: cannot retry err []" + rest, errGivenUp},
		{"stream error: stream ID 3; REFUSED_STREAM; received from peer", nil},
		{"proxy: http2: Transport: cannot retry err [stream error: stream ID 3; REFUSED_STREAM]" + rest, nil},
		{`http2: server sent GOAWAY and closed the connection; LastStreamID=3, ErrCode=NO_ERROR, debug="REFUSED_STREAM"`, nil},
		{"unexpected EOF", nil},
	} {
		err := errors.New(tt.text)
		want := tt.want
		if want == nil {
			want = err
		}
		if got := givenUp(err); !errors.Is(got, want) || tt.want == nil && got.Error() != tt.text {
			t.Errorf("%s\nbecomes %v, want %v", tt.text, got, want)
		}
	}
	text := fmt.Sprint(givenUp(errors.New("http2: Transport: cannot retry err [stream error: stream ID 3; REFUSED_STREAM; received from peer]" + rest)))
	if want := "the HTTP/2 connection did not process the request: stream error: stream ID 3; REFUSED_STREAM; received from peer"; text != want {
		t.Errorf("the error reads %q, want %q", text, want)
	}
}
