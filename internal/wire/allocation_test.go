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
	struct {
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
		Named   map[string]*int     `json:"named"`
		Time    time.Time           `json:"time"`
		Times   []time.Time         `json:"times"`
		Payload ghdeploy.Payload    `json:"payload"`
		Raws    []wire.Raw          `json:"raws"`
	}{},
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
			for seed := range uint64(100) {
				g := &generator{rand.New(rand.NewPCG(seed, 1)), 1 << (10 + seed%9)}
				document := []byte(g.value(typ))
				allocated := allocation(document, typ)
				err := wire.DecodeLimited(document, reflect.New(typ).Interface(), int(allocated)-1)
				if !errors.Is(err, wire.ErrLimit) {
					t.Fatalf("seed %d: %d bytes allocate %d, within a limit of one less (%v): %.300q",
						seed, len(document), allocated, err, document)
				}
				if checked++; checked%10 != 0 {
					continue
				}
				closest = max(closest, float64(allocated)/float64(charged(document, typ, int(allocated))))
			}
			t.Logf("%d documents; an allocation is at most %.0f%% of what is counted", checked, 100*closest)
		})
	}
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
