package index

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"zonebench.internal/pkg/composite"
)

// The rule of fonts: an .svg holds text, which whoever shows it sets in a font of
// their own that has the characters; no font is embedded. A .png holds pixels: its
// labels are set in the built-in Liberation fonts, which have no Chinese, or in the
// font of --font; a label with a character that the font lacks is refused rather than
// drawn as a box.

// chart collects a plot with its labels.
type chart struct {
	*plot.Plot
	path, font string
	labels     []string
}

func newChart(path, fontPath, title string) (*chart, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".svg", ".png":
	default:
		return nil, fmt.Errorf("--plot: %s; the name ends in .svg or .png", path)
	}
	c := &chart{Plot: plot.New(), path: path, font: fontPath}
	c.Title.Text = title
	c.Title.Padding = vg.Points(6)
	c.Legend.Top = true
	for _, s := range c.styles() {
		s.Font.Variant = "Sans"
	}
	c.Legend.TextStyle.Font.Size = vg.Points(10)
	c.labels = append(c.labels, title)
	return c, nil
}

// styles are all text styles of the chart.
func (c *chart) styles() []*text.Style {
	return []*text.Style{
		&c.Title.TextStyle, &c.X.Label.TextStyle, &c.Y.Label.TextStyle, &c.X.Tick.Label, &c.Y.Tick.Label, &c.Legend.TextStyle,
	}
}

// save writes the chart, once every label can be set.
func (c *chart) save(width, height vg.Length) error {
	png := strings.EqualFold(filepath.Ext(c.path), ".png")
	face := font.DefaultCache.Lookup(c.Title.TextStyle.Font, 12).Face
	if c.font != "" {
		f, err := readFont(c.font)
		if err != nil {
			return err
		}
		face = f
		name := font.Typeface(filepath.Base(c.font))
		font.DefaultCache.Add(font.Collection{{Font: font.Font{Typeface: name}, Face: f}})
		for _, s := range c.styles() {
			s.Font.Typeface, s.Font.Variant, s.Font.Style, s.Font.Weight = name, "", 0, 0
		}
	}
	if png {
		var buf sfnt.Buffer
		for _, label := range c.labels {
			for _, r := range label {
				if g, err := face.GlyphIndex(&buf, r); r != ' ' && (err != nil || g == 0) {
					return fmt.Errorf("--plot: the font has no %q of %q and a .png would show a box; write an .svg, or name a font that has it with --font",
						r, label)
				}
			}
		}
	}
	format := strings.TrimPrefix(strings.ToLower(filepath.Ext(c.path)), ".")
	canvas, err := draw.NewFormattedCanvas(width, height, format)
	if err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	c.Draw(draw.Crop(draw.New(canvas), margin, -margin, margin, -margin))
	f, err := os.Create(c.path)
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(f); err != nil {
		return errors.Join(fmt.Errorf("--plot: %s: %w", c.path, err), f.Close())
	}
	return f.Close()
}

// margin is the white around a chart.
const margin = 0.3 * vg.Centimeter

func readFont(path string) (*opentype.Font, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if f, err := opentype.Parse(b); err == nil {
		return f, nil
	}
	all, err := opentype.ParseCollection(b)
	if err != nil {
		return nil, fmt.Errorf("--font: %s: %w", path, err)
	}
	f, err := all.Font(0)
	if err != nil {
		return nil, fmt.Errorf("--font: %s: %w", path, err)
	}
	return f, nil
}

// names labels the rows from the bottom up.
func (c *chart) names(list []string) {
	ticks := make([]plot.Tick, len(list))
	for i, n := range list {
		ticks[i] = plot.Tick{Value: float64(i), Label: n}
	}
	c.Y.Tick.Marker = plot.ConstantTicks(ticks)
	c.Y.Tick.Length = 0
	c.Y.Min, c.Y.Max = -0.6, float64(len(list))-0.4
	c.labels = append(c.labels, list...)
}

// Twelve colours that people with colour blindness tell apart in neighbours (after
// Tol, 2021); more parts start again.
var partColors = []color.Color{
	rgb(0x44, 0x77, 0xaa), rgb(0xee, 0x66, 0x77), rgb(0x22, 0x88, 0x33), rgb(0xcc, 0xbb, 0x44), rgb(0x66, 0xcc, 0xee), rgb(0xaa, 0x33, 0x77),
	rgb(0xbb, 0xbb, 0xbb), rgb(0x33, 0x22, 0x88), rgb(0xdd, 0xcc, 0x77), rgb(0x11, 0x77, 0x33), rgb(0x88, 0xcc, 0xee), rgb(0x88, 0x22, 0x55),
}

func rgb(r, g, b uint8) color.Color { return color.RGBA{r, g, b, 255} }

// mostRows is the greatest number of units in a chart.
const mostRows = 60

func unitLabel(u composite.Unit) string {
	if u.Name != "" {
		return u.Name
	}
	return u.Code
}

// plotBars draws the scores of the latest period as bars: stacked by the
// contributions of the root's children where the index is a weighted sum.
func plotBars(path, fontPath string, x *composite.Index, res *composite.Result) error {
	title := x.Recipe().Name
	if title == "" {
		title = res.Tree.Nodes[res.Tree.Root].Code
	}
	c, err := newChart(path, fontPath, title)
	if err != nil {
		return err
	}
	latest := math.Inf(-1)
	for _, u := range res.Screened.Units {
		latest = max(latest, u.Time)
	}
	var rows []int
	for _, r := range byPlace(res) {
		if res.Screened.Units[r].Time == latest && res.Scores[r] == res.Scores[r] {
			rows = append(rows, r)
		}
	}
	if len(rows) > mostRows {
		c.Title.Text += fmt.Sprintf(" (1-%d / %d)", mostRows, len(rows))
		rows = rows[:mostRows]
	}
	if len(rows) == 0 {
		return fmt.Errorf("--plot: no unit has a score")
	}
	slices.Reverse(rows)
	var names []string
	for _, r := range rows {
		names = append(names, unitLabel(res.Screened.Units[r]))
	}
	c.names(names)
	var parts []string
	values := map[string]plotter.Values{}
	if x.Additive() && res.RowWeights == nil {
		for _, child := range res.Tree.Children[res.Tree.Root] {
			code := res.Tree.Nodes[child].Code
			parts = append(parts, code)
			values[code] = make(plotter.Values, len(rows))
		}
		for i, r := range rows {
			e, err := x.Explain(res, r, "", composite.ExplainOptions{})
			if err != nil {
				return err
			}
			for _, p := range append(e.Parts, e.Groups...) {
				if v, ok := values[p.Code]; ok {
					v[i] = p.Points
				}
			}
		}
	} else {
		parts = []string{res.Tree.Nodes[res.Tree.Root].Code}
		values[parts[0]] = make(plotter.Values, len(rows))
		for i, r := range rows {
			values[parts[0]][i] = res.Scores[r]
		}
	}
	if err := c.bars(parts, values); err != nil {
		return err
	}
	c.labels = append(c.labels, parts...)
	return c.save(24*vg.Centimeter, vg.Length(4+0.55*float64(len(rows)))*vg.Centimeter)
}

// bars stacks horizontal bars: what is below zero to the left, the rest to the
// right.
func (c *chart) bars(parts []string, values map[string]plotter.Values) error {
	var right, left *plotter.BarChart
	for k, code := range parts {
		var up, down plotter.Values
		negative := false
		for _, v := range values[code] {
			up, down = append(up, max(v, 0)), append(down, min(v, 0))
			negative = negative || v < 0
		}
		for side, v := range []plotter.Values{up, down} {
			if side == 1 && !negative {
				continue
			}
			b, err := plotter.NewBarChart(v, 0.4*vg.Centimeter)
			if err != nil {
				return err
			}
			b.Horizontal = true
			b.LineStyle.Width = 0
			b.Color = partColors[k%len(partColors)]
			last := &right
			if side == 1 {
				last = &left
			}
			if *last != nil {
				b.StackOn(*last)
			}
			*last = b
			c.Add(b)
			if side == 0 {
				c.Legend.Add(code, b)
			}
		}
	}
	c.Legend.Left = false
	// Bars widen the range by half a bar; the rows have theirs already.
	c.X.Max += (c.X.Max - c.X.Min) * 0.18 // room for the legend
	return nil
}

// plotIntervals draws the places over the draws of the latest period: the outer
// quantiles as a thin line, the inner ones as a thick one, the median and the nominal
// place as points.
func plotIntervals(path, fontPath string, m *composite.MonteCarlo) error {
	c, err := newChart(path, fontPath, "")
	if err != nil {
		return err
	}
	latest := math.Inf(-1)
	for _, u := range m.Units {
		latest = max(latest, u.Time)
	}
	var rows []int
	for _, r := range summaryRows(m) {
		if m.Units[r].Time == latest && m.Nominal[r] != 0 && m.Least[r] != 0 {
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 || len(m.Levels) == 0 {
		return fmt.Errorf("--plot: no unit has a place, or the plan no quantiles")
	}
	more := ""
	if len(rows) > mostRows {
		more = fmt.Sprintf(" (1-%d / %d)", mostRows, len(rows))
		rows = rows[:mostRows]
	}
	slices.Reverse(rows)
	var names []string
	for _, r := range rows {
		names = append(names, unitLabel(m.Units[r]))
	}
	c.names(names)
	levels := make([]int, len(m.Levels))
	for i := range levels {
		levels[i] = i
	}
	slices.SortFunc(levels, func(a, b int) int {
		if m.Levels[a] < m.Levels[b] {
			return -1
		}
		return 1
	})
	n := len(levels)
	span := func(a, b int, width vg.Length) error {
		for i, r := range rows {
			l, err := plotter.NewLine(plotter.XYs{{X: m.Quantiles[levels[a]][r], Y: float64(i)}, {X: m.Quantiles[levels[b]][r], Y: float64(i)}})
			if err != nil {
				return err
			}
			l.Width, l.Color = width, partColors[0]
			c.Add(l)
		}
		return nil
	}
	if err := span(0, n-1, vg.Points(1.5)); err != nil {
		return err
	}
	c.Title.Text = fmt.Sprintf("%s - %s", percent(m.Levels[levels[0]]), percent(m.Levels[levels[n-1]])) + more
	if n >= 4 {
		if err := span(1, n-2, vg.Points(5)); err != nil {
			return err
		}
	}
	median, nominal := make(plotter.XYs, len(rows)), make(plotter.XYs, len(rows))
	for i, r := range rows {
		median[i] = plotter.XY{X: m.Quantiles[levels[n/2]][r], Y: float64(i)}
		nominal[i] = plotter.XY{X: float64(m.Nominal[r]), Y: float64(i)}
	}
	for _, s := range []struct {
		name  string
		at    plotter.XYs
		color color.Color
		shape draw.GlyphDrawer
	}{{percent(m.Levels[levels[n/2]]), median, color.White, draw.CircleGlyph{}}, {"nominal", nominal, partColors[1], draw.CrossGlyph{}}} {
		p, err := plotter.NewScatter(s.at)
		if err != nil {
			return err
		}
		p.GlyphStyle = draw.GlyphStyle{Color: s.color, Radius: vg.Points(2.5), Shape: s.shape}
		c.Add(p)
		if s.color != color.White {
			c.Legend.Add(s.name, p)
		}
	}
	c.X.Label.Text = "place"
	c.X.Min = min(c.X.Min, 0.5)
	c.labels = append(c.labels, c.Title.Text, c.X.Label.Text)
	return c.save(24*vg.Centimeter, vg.Length(4+0.55*float64(len(rows)))*vg.Centimeter)
}

func percent(p float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", 100*p), ".0") + "%"
}

// grid is a square matrix as gonum's heat map reads it, the first row on top.
type grid [][]float64

func (g grid) Dims() (columns, rows int) { return len(g), len(g) }
func (g grid) Z(column, row int) float64 { return g[len(g)-1-row][column] }
func (g grid) X(column int) float64      { return float64(column) }
func (g grid) Y(row int) float64         { return float64(row) }

// diverging goes from red over white to blue.
type diverging int

func (d diverging) Colors() []color.Color {
	out := make([]color.Color, d)
	for i := range out {
		t := 2*float64(i)/float64(d-1) - 1
		mix := func(end uint8) uint8 { return uint8(255 + math.Abs(t)*(float64(end)-255)) }
		if t < 0 {
			out[i] = rgb(mix(0xb2), mix(0x18), mix(0x2b))
		} else {
			out[i] = rgb(mix(0x21), mix(0x66), mix(0xac))
		}
	}
	return out
}

// plotCorrelations draws the Pearson correlations of all normalised indicators, red
// for -1, white for 0, blue for 1, grey where there is none.
func plotCorrelations(path, fontPath string, res *composite.Result) error {
	c, err := newChart(path, fontPath, "Pearson r, -1 … 1")
	if err != nil {
		return err
	}
	codes := res.Normalised.Codes
	n := len(codes)
	if n < 2 {
		return fmt.Errorf("--plot: a heat map needs two indicators")
	}
	g := make(grid, n)
	for i := range g {
		g[i] = make([]float64, n)
		for j := range g {
			g[i][j] = composite.Pearson(res.Normalised.Values[i], res.Normalised.Values[j])
		}
	}
	h := plotter.NewHeatMap(g, diverging(101))
	h.Min, h.Max = -1, 1
	h.NaN = color.Gray{Y: 0xbb}
	c.Add(h)
	down := slices.Clone(codes)
	slices.Reverse(down)
	c.names(down)
	c.Y.Min, c.Y.Max = -0.5, float64(n)-0.5
	c.X.Min, c.X.Max = -0.5, float64(n)-0.5
	ticks := make([]plot.Tick, n)
	for i, code := range codes {
		ticks[i] = plot.Tick{Value: float64(i), Label: code}
	}
	c.X.Tick.Marker = plot.ConstantTicks(ticks)
	c.X.Tick.Length = 0
	c.X.Tick.Label.Rotation = math.Pi / 2
	c.X.Tick.Label.XAlign, c.X.Tick.Label.YAlign = draw.XRight, draw.YCenter
	size := vg.Length(5+0.5*float64(n)) * vg.Centimeter
	return c.save(size, size)
}
