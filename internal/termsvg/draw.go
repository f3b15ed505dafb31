package main

import (
	"fmt"
	"html"
	"strings"
)

// The measures in pixels.
const (
	charWidth  = 7.83 // of the fonts below at fontSize
	fontSize   = 13
	lineHeight = 19
	margin     = 18
	barHeight  = 36
)

// styles are the colors of a light page and of a dark one. The picture has a
// background of its own, so that it is readable on either.
const styles = `
text { font: %dpx ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace; fill: #1f2328; white-space: pre }
.card { fill: #f6f8fa; stroke: #d1d9e0 }
.bar { stroke: #d1d9e0 }
.dot { fill: #d1d9e0 }
.title, .dim { fill: #59636e }
.bold, .prompt { font-weight: 600 }
.prompt { fill: #0969da }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.card { fill: #151b23; stroke: #3d444d }
.bar { stroke: #3d444d }
.dot { fill: #3d444d }
.title, .dim { fill: #9198a1 }
.prompt { fill: #79c0ff }
}
`

// palette has the sixteen colors of a terminal in shades that are readable on
// the light and on the dark background.
var palette = [16]string{
	"#59636e", "#cf222e", "#1a7f37", "#9a6700", "#0969da", "#8250df", "#1b7c83", "#6e7781",
	"#6e7781", "#e5534b", "#2da44e", "#bf8700", "#218bff", "#a475f9", "#3192aa", "#8c959f",
}

// draw returns the lines as an SVG. A line that begins with "$ " is a command.
func draw(title string, lines [][]cell) []byte {
	columns := len([]rune(title)) + 10
	for _, line := range lines {
		columns = max(columns, len(line))
	}
	width := int(float64(columns)*charWidth) + 2*margin
	height := barHeight + len(lines)*lineHeight + 2*margin - 6
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="Output of %[3]s">`+"\n", width, height, html.EscapeString(title))
	svg.WriteString("<style>" + fmt.Sprintf(styles, fontSize))
	for i, color := range palette {
		fmt.Fprintf(&svg, ".c%d { fill: %s }\n", i, color)
	}
	svg.WriteString("</style>\n")
	fmt.Fprintf(&svg, `<rect class="card" x="0.5" y="0.5" width="%d" height="%d" rx="8"/>`+"\n", width-1, height-1)
	fmt.Fprintf(&svg, `<line class="bar" x1="0.5" y1="%[1]d.5" x2="%[2]d.5" y2="%[1]d.5"/>`+"\n", barHeight, width-1)
	for i := range 3 {
		fmt.Fprintf(&svg, `<circle class="dot" cx="%d" cy="%d" r="5"/>`+"\n", margin+4+i*16, barHeight/2)
	}
	fmt.Fprintf(&svg, `<text class="title" x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", width/2, barHeight/2+5, html.EscapeString(title))
	y := barHeight + margin + fontSize - 2
	for _, line := range lines {
		if len(line) > 0 {
			fmt.Fprintf(&svg, `<text x="%d" y="%d" xml:space="preserve">%s</text>`+"\n", margin, y, spans(line))
		}
		y += lineHeight
	}
	svg.WriteString("</svg>\n")
	return []byte(svg.String())
}

// spans returns a line with one tspan for each run of characters in one style.
func spans(line []cell) string {
	command := len(line) > 1 && line[0].char == '$' && line[1].char == ' '
	var out strings.Builder
	for i := 0; i < len(line); {
		end := i
		var text strings.Builder
		for end < len(line) && line[end].style == line[i].style {
			text.WriteRune(line[end].char)
			end++
		}
		class := line[i].style.class()
		if command && class == "" {
			class = "prompt"
		}
		if class == "" {
			out.WriteString(html.EscapeString(text.String()))
		} else {
			fmt.Fprintf(&out, `<tspan class="%s">%s</tspan>`, class, html.EscapeString(text.String()))
		}
		i = end
	}
	return out.String()
}

// class returns the classes of a style; "" for the default.
func (s style) class() string {
	var classes []string
	if s.color >= 0 {
		classes = append(classes, fmt.Sprintf("c%d", s.color))
	}
	if s.bold {
		classes = append(classes, "bold")
	}
	if s.dim {
		classes = append(classes, "dim")
	}
	return strings.Join(classes, " ")
}
