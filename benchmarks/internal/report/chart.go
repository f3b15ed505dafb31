package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// titles are the cases of the chart by benchmark, in the chart's order.
var titles = []struct{ name, title string }{
	{"Page rows=plain", "List: a page of 100"},
	{"Page rows=actions", "List: a page of 100, made by GitHub Actions"},
	{"All rows=plain", "All: 50 pages on loopback"},
	{"All rows=actions", "All: 50 pages, made by GitHub Actions"},
	{"Prefetch", "All: 50 pages, each 50 ms away, Prefetch 8"},
	{"Get", "Get"},
	{"Create", "Create"},
	{"Concurrent", "Get, 64 goroutines on one client"},
	{"Webhook payload=api", "Webhook: a status"},
	{"Webhook payload=workflow", "Webhook: a status, made by a workflow"},
}

// The chart's measures in pixels.
const (
	chartWidth = 760
	barLeft    = 320
	barSpace   = chartWidth - barLeft - 50
	barHeight  = 14
	caseGap    = 12
	headHeight = 62
)

// chartStyle has the colors for a light and a dark page. The chart has no
// background of its own.
const chartStyle = `
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.note, .value { font-size: 12px; fill: #59636e }
.one { stroke: #59636e; stroke-dasharray: 3 3 }
.bar0 { fill: #54aeff }
.bar1 { fill: #0550ae }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.note, .value { fill: #9198a1 }
.one { stroke: #9198a1 }
.bar0 { fill: #1f6feb }
.bar1 { fill: #a5d6ff }
}
`

// drawChart returns an SVG with a group of bars for each case and a bar for
// each Go release. It returns "" without bars.
func drawChart(cases []*benchmark) string {
	var releases []string
	scale := 1.0
	for _, c := range cases {
		if !slices.Contains(releases, c.release) {
			releases = append(releases, c.release)
		}
		if ratio, ok := c.quotient(peer, ours); ok && titleOf(c.name) != "" {
			scale = max(scale, ratio)
		}
	}
	scale = barSpace / math.Ceil(scale)
	var body strings.Builder
	y := headHeight
	for _, t := range titles {
		top := y
		for i, release := range releases {
			for _, c := range cases {
				ratio, ok := c.quotient(peer, ours)
				if !ok || c.name != t.name || c.release != release {
					continue
				}
				fmt.Fprintf(&body, `<rect class="bar%d" x="%d" y="%d" width="%.1f" height="%d"/>`+"\n", i%2, barLeft, y, ratio*scale, barHeight)
				fmt.Fprintf(&body, `<text class="value" x="%.1f" y="%d">%.1fx</text>`+"\n", barLeft+ratio*scale+5, y+barHeight-3, ratio)
				y += barHeight + 1
			}
		}
		if y > top {
			fmt.Fprintf(&body, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", barLeft-10, (top+y)/2+4, html.EscapeString(t.title))
			y += caseGap
		}
	}
	if body.Len() == 0 {
		return ""
	}
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="Speed of ghdeploy relative to go-github">`+"\n", chartWidth, y)
	fmt.Fprintf(&svg, "<style>%s</style>\n", chartStyle)
	fmt.Fprintf(&svg, `<text class="title" x="10" y="22">Speed relative to go-github (longer is faster; 1x is equal)</text>`+"\n")
	x := barLeft
	for i, release := range releases {
		fmt.Fprintf(&svg, `<rect class="bar%d" x="%d" y="36" width="12" height="12"/><text class="note" x="%d" y="46">%s</text>`+"\n", i%2, x, x+17, html.EscapeString("Go "+strings.TrimPrefix(release, "go")))
		x += 110
	}
	svg.WriteString(body.String())
	fmt.Fprintf(&svg, `<line class="one" x1="%[1]d" y1="%[2]d" x2="%[1]d" y2="%[3]d"/>`+"\n</svg>\n", barLeft+int(scale), headHeight-6, y-caseGap+4)
	return svg.String()
}

func titleOf(name string) string {
	for _, t := range titles {
		if t.name == name {
			return t.title
		}
	}
	return ""
}
