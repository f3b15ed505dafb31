package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxLogged is the maximum length of one header in the log, in bytes.
const maxLogged = 200

// printable returns a header's value for the log: invisible characters are
// escaped, and a value longer than maxLogged ends with "...".
func printable(value string) string {
	const dots = "..."
	var b strings.Builder
	for len(value) > 0 {
		r, size := utf8.DecodeRuneInString(value)
		char := value[:size]
		switch {
		case r == utf8.RuneError && size == 1:
			char = fmt.Sprintf(`\x%02x`, value[0])
		case !strconv.IsPrint(r): // control and bidirectional characters among others
			char = strings.Trim(strconv.QuoteRuneToASCII(r), "'")
		}
		if b.Len()+len(char) > maxLogged-len(dots) {
			return b.String() + dots
		}
		b.WriteString(char)
		value = value[size:]
	}
	return b.String()
}

// quoted is printable in quotes, for an error's text.
func quoted(value string) string { return `"` + printable(value) + `"` }

// logFailure logs a delivery that was refused or that failed.
func logFailure(ctx context.Context, d *Delivery, err error, level slog.Level) {
	attrs := []any{
		slog.String("event", printable(d.Event)), slog.String("delivery", printable(d.GUID)), slog.Any("error", err),
	}
	if panicked := (*PanicError)(nil); errors.As(err, &panicked) {
		attrs = append(attrs, slog.String("stack", string(panicked.Stack)))
	}
	slog.Log(ctx, level, "webhook delivery failed", attrs...)
}
