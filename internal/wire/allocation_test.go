package wire_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ghdeploy/ghdeploy"
	"github.com/ghdeploy/ghdeploy/internal/wire"
	"github.com/ghdeploy/ghdeploy/webhook"
)

// What the client and the receiver decode, and a type that contains the rest.
var decoded = []any{
	[]*ghdeploy.Deployment{},
	[]*ghdeploy.DeploymentStatus{},
	[]*ghdeploy.Environment{},
	[]*ghdeploy.BranchPolicy{},
	[]*ghdeploy.CustomProtectionRule{},
	[]*ghdeploy.CustomProtectionRuleApp{},
	[]*ghdeploy.PendingDeployment{},
	[]*ghdeploy.Approval{},
	ghdeploy.Deployment{},
	ghdeploy.Environment{},
	ghdeploy.ProtectionRule{},
	webhook.DeploymentEvent{},
	webhook.DeploymentStatusEvent{},
	webhook.DeploymentReviewEvent{},
	webhook.DeploymentProtectionRuleEvent{},
	webhook.PingEvent{},
	[]wire.Raw{},
	everything{},
}

type everything struct {
	Text    string              `json:"text"`
	Texts   []string            `json:"texts"`
	Bytes   []bool              `json:"bytes"`
	Large   [][9]int64          `json:"large"`
	Points  []*int              `json:"points"`
	Any     any                 `json:"any"`
	Anys    []any               `json:"anys"`
	Lists   [][]string          `json:"lists"`
	Map     map[string]string   `json:"map"`
	Maps    map[string][]string `json:"maps"`
	Empty   []map[string]string `json:"empty"`
	Named   map[string]*int     `json:"named"`
	Time    time.Time           `json:"time"`
	Times   []time.Time         `json:"times"`
	Payload ghdeploy.Payload    `json:"payload"`
	Raws    []wire.Raw          `json:"raws"`
}

// A document that a limit admits allocates no more than the limit, whatever its
// shape. So one that allocates n bytes is refused under a limit of n-1.
func TestLimitBoundsAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates too")
	}
	for _, v := range decoded {
		typ := reflect.TypeOf(v)
		t.Run(typ.String(), func(t *testing.T) {
			var checked int
			var closest float64
			for seed := range uint64(60) {
				g := &generator{rand.New(rand.NewPCG(seed, 1)), 1 << (10 + seed%9)}
				document := []byte(g.value(typ))
				allocated, ok := refused(t, document, typ)
				if !ok {
					t.Fatalf("seed %d", seed)
				}
				if checked++; checked%10 != 0 {
					continue
				}
				closest = max(closest, float64(allocated)/float64(charged(document, typ, allocated)))
			}
			t.Logf("%d documents; an allocation is at most %.0f%% of what is counted", checked, 100*closest)
		})
	}
}

// refused checks that a document is refused if it may allocate one byte less
// than it does.
func refused(t *testing.T, document []byte, typ reflect.Type) (allocated int, ok bool) {
	t.Helper()
	allocated = int(allocation(document, typ))
	err := wire.DecodeLimited(document, reflect.New(typ).Interface(), allocated-1)
	if !errors.Is(err, wire.ErrLimit) {
		t.Errorf("%d bytes allocate %d, within a limit of one less (%v): %.300q",
			len(document), allocated, err, document)
		return allocated, false
	}
	return allocated, true
}

// The documents for which one part of the count is nearly all of it. A slice is
// the worst just after it grew, and so is a map.
func TestLimitBoundsTheWorst(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates too")
	}
	var all = reflect.TypeFor[everything]()
	list := func(open, unit, end string) func(int) string {
		return func(n int) string { return open + strings.Repeat(unit+",", n-1) + unit + end }
	}
	numbered := func(open, end string) func(int) string {
		return func(n int) string {
			var b strings.Builder
			for i := range n {
				fmt.Fprintf(&b, `"%d":null,`, i)
			}
			return open + strings.TrimSuffix(b.String(), ",") + end
		}
	}
	nested := func(open, unit, end string) func(int) string {
		return func(n int) string { return open + strings.Repeat(unit, min(n, 9_000)) + end }
	}
	long := func(open, unit, end string) func(int) string {
		return func(n int) string { return open + strings.Repeat(unit, 20*n) + end }
	}
	for name, tt := range map[string]struct {
		typ      reflect.Type
		document func(n int) string
	}{
		"rows of {}":           {reflect.TypeFor[[]*ghdeploy.Deployment](), list(`[`, `{}`, `]`)},
		"large elements":       {all, list(`{"large":[`, `null`, `]}`)},
		"texts":                {all, list(`{"texts":[`, `""`, `]}`)},
		"bytes":                {all, list(`{"bytes":[`, `null`, `]}`)},
		"short lists":          {all, list(`{"lists":[`, `[""]`, `]}`)},
		"empty lists":          {all, list(`{"lists":[`, `[]`, `]}`)},
		"any":                  {all, list(`{"anys":[`, `1`, `]}`)},
		"any null":             {all, list(`{"any":[`, `null`, `]}`)},
		"any []":               {all, list(`{"any":[`, `[]`, `]}`)},
		"any [null]":           {all, list(`{"any":[`, `[null]`, `]}`)},
		"any {}":               {all, list(`{"any":[`, `{}`, `]}`)},
		"any with one member":  {all, list(`{"any":[`, `{"":0}`, `]}`)},
		"any members":          {all, numbered(`{"any":{`, `}}`)},
		"empty maps":           {all, list(`{"empty":[`, `{}`, `]}`)},
		"maps of one":          {all, list(`{"empty":[`, `{"":""}`, `]}`)},
		"members":              {all, numbered(`{"map":{`, `}}`)},
		"members of lists":     {all, numbered(`{"maps":{`, `}}`)},
		"nesting":              {all, nested(`{"x":`, `[`, ``)},
		"nesting of members":   {all, nested(`{"x":`, `{"":`, ``)},
		"nesting of any":       {all, nested(`{"any":`, `[`, ``)},
		"half surrogates":      {all, long(`{"text":"`, `\ud800`, `"}`)},
		"not UTF-8":            {all, long(`{"text":"`, "\xff", `"}`)},
		"a name not UTF-8":     {all, long(`{"`, "\xff", `":1}`)},
		"an unknown name":      {all, long(`{"`, "x", `":1}`)},
		"a text":               {all, long(`{"text":"`, "x", `"}`)},
		"a rule's type":        {rule, long(`{"type":"`, "\xff", `"}`)},
		"a rule's names":       {rule, list(`{"type":"wait_timer",`, `"\ud800":0`, `}`)},
		"a rule's nesting":     {reflect.TypeFor[[]ghdeploy.ProtectionRule](), list(`[`, `{"type":"wait_timer","x":`+strings.Repeat("[", 99)+strings.Repeat("]", 99)+`}`, `]`)},
		"a reviewer's type":    {rule, long(`{"type":"required_reviewers","reviewers":[{"type":"`, "\xff", `"}]}`)},
		"reviewers":            {rule, list(`{"type":"required_reviewers","reviewers":[`, `{"type":"Team","reviewer":{}}`, `]}`)},
		"reviewers' names":     {rule, list(`{"type":"required_reviewers","reviewers":[`, `{"type":"Team","reviewer":{"\ud800\ud800\ud800\ud800\ud800\ud800\ud800\ud800":0}}`, `]}`)},
		"parents of reviewers": {rule, list(`{"type":"required_reviewers","reviewers":[`, `{"type":"Team","reviewer":{"parent":{"parent":{}}}}`, `]}`)},
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{2, 9, 15, 100, 1000, 4000} {
				n = afterGrowth(n)
				if _, ok := refused(t, []byte(tt.document(n)), tt.typ); !ok {
					t.Fatalf("n = %d", n)
				}
			}
		})
	}
}

// afterGrowth is the length, n or more, at which a slice has just grown.
func afterGrowth(n int) int {
	var s []*int
	for len(s) <= n || len(s) != cap(s) {
		s = append(s, nil)
	}
	return len(s) + 1
}

// allocation measures what decoding allocates, apart from what the JSON library
// keeps for a type that it sees for the first time.
func allocation(document []byte, typ reflect.Type) uint64 {
	v := reflect.New(typ).Interface()
	_ = wire.DecodeLimited(document, v, 1<<30) // an error allocates too
	v = reflect.New(typ).Interface()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_ = wire.DecodeLimited(document, v, 1<<30)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// charged is the lowest limit that admits a document.
func charged(document []byte, typ reflect.Type, low int) int {
	admitted := func(limit int) bool {
		return !errors.Is(wire.DecodeLimited(document, reflect.New(typ).Interface(), limit), wire.ErrLimit)
	}
	high := max(low, 1<<10)
	for !admitted(high) {
		low, high = high, 2*high
	}
	for high-low > high/50 {
		if middle := (low + high) / 2; admitted(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

// A generator makes JSON for a type: what GitHub sends, and what it never does.
type generator struct {
	*rand.Rand
	left int // bytes that it still may make
}

func (g *generator) pick(texts ...string) string { return texts[g.IntN(len(texts))] }

var (
	reviewer = reflect.TypeFor[ghdeploy.Reviewer]()
	user     = reflect.TypeFor[ghdeploy.User]()
	team     = reflect.TypeFor[ghdeploy.Team]()
	rule     = reflect.TypeFor[ghdeploy.ProtectionRule]()
	date     = reflect.TypeFor[time.Time]()
	raw      = reflect.TypeFor[wire.Raw]()
	payload  = reflect.TypeFor[ghdeploy.Payload]()
)

func (g *generator) value(t reflect.Type) string {
	if g.left -= 2; g.IntN(20) == 0 && t != rule && t != reviewer {
		return "null"
	}
	switch t {
	case date:
		return `"2026-11-21T10:00:00Z"`
	case raw, payload:
		return g.any()
	case reviewer:
		if g.IntN(2) == 0 {
			return `{"type":"User","reviewer":` + g.value(user) + `}`
		}
		return `{"reviewer":` + g.value(team) + `,"type":"Team"}`
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.value(t.Elem())
	case reflect.Struct:
		return g.object(t)
	case reflect.Slice:
		one := g.value(t.Elem())
		same := g.IntN(2) == 0
		return g.list("[", "]", func() string {
			if !same {
				one = g.value(t.Elem())
			}
			return one
		})
	case reflect.Array:
		return "[" + strings.Repeat("0,", t.Len()-1) + "0]"
	case reflect.Map:
		return g.list("{", "}", func() string { return g.text() + ":" + g.value(t.Elem()) })
	case reflect.Interface:
		return g.any()
	case reflect.String:
		return g.text()
	case reflect.Bool:
		return g.pick("true", "false")
	}
	return fmt.Sprint(g.IntN(100))
}

// object makes some of the members of a struct, some of them twice.
func (g *generator) object(t reflect.Type) string {
	if g.IntN(8) == 0 && t != rule {
		return "{}"
	}
	var members []string
	if t == rule {
		members = append(members, `"type":`+g.pick(`"required_reviewers"`, `"wait_timer"`, `"other"`, g.text()))
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || t == rule && name == "type" {
			continue
		}
		for range g.IntN(3) {
			if g.left > 0 {
				members = append(members, g.name(name)+":"+g.value(f.Type))
			}
		}
	}
	if g.IntN(4) == 0 {
		members = append(members, g.text()+":"+g.any())
	}
	return "{" + strings.Join(members, ",") + "}"
}

// name spells a name in one of the ways that mean the same.
func (g *generator) name(name string) string {
	if g.IntN(10) == 0 {
		return fmt.Sprintf(`"\u%04x%s"`, name[0], name[1:])
	}
	return `"` + name + `"`
}

// list makes few elements, or as many as there is room for.
func (g *generator) list(open, end string, element func() string) string {
	n := []int{0, 1, 1, 2, 5, 9, 33, 1 << 20}[g.IntN(8)]
	var b strings.Builder
	b.WriteString(open)
	for i := range n {
		if g.left <= 0 {
			break
		}
		if i > 0 {
			b.WriteByte(',')
		}
		one := element()
		g.left -= len(one)
		b.WriteString(one)
	}
	return b.String() + end
}

func (g *generator) text() string {
	n := []int{0, 1, 2, 9, 17, 40, 300, 5000}[g.IntN(8)]
	n = min(n, max(g.left, 8))
	g.left -= n
	letters := make([]byte, n)
	for i := range letters {
		letters[i] = "abcdefghijklmnopqrstuvwxyz012345"[g.IntN(32)]
	}
	switch g.IntN(6) {
	case 0:
		return `"` + strings.Repeat("\xff", n) + `"`
	case 1:
		return `"\n` + string(letters) + `"`
	case 2:
		return `"` + strings.Repeat(g.pick(`\u0800`, `\ud800`, `\uDFFF`), n/6) + `"`
	}
	return `"` + string(letters) + `"`
}

func (g *generator) any() string {
	g.left -= 2
	switch g.IntN(8) {
	case 0:
		return g.list("[", "]", g.any)
	case 1:
		return g.list("{", "}", func() string { return g.text() + ":" + g.any() })
	case 2:
		return g.text()
	case 3:
		one := g.pick("{}", "[]", "0", `""`, "null", `"\n"`, "1e9", `{"":{}}`)
		return g.list("[", "]", func() string { return one })
	}
	return g.pick("{}", "[]", "0", "null", "true", "1e5", "-0.1234567890123456789")
}
