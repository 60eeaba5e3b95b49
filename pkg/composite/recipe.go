package composite

import (
	"encoding/json"
	"slices"
)

// Recipe says how an index is computed. The zero value is a recipe too: no
// step before weighting, the weights of the tree, arithmetic means, competition
// places.
//
// Steps run in the order of the fields; a nil step is left out. As JSON (or
// YAML turned into JSON) a step whose only key is its method may be written as
// that word alone: "normalise": "borda". [ParseRecipe] refuses unknown keys and
// unknown words with a suggestion, and keys that the method does not take.
//
// A recipe names tables by path and never reads them: [Recipe.Paths] lists what
// is needed, [Compile] takes the tables as [Attachments].
//
// Tags: `for` lists the methods that a key belongs to, `words` the values that
// a text may have, `short` the key that a single word stands for, `doc` is the
// description in the JSON schema.
type Recipe struct {
	Name string `json:"name,omitempty" doc:"What the recipe is called."`
	Note string `json:"note,omitempty" doc:"Source and remarks, for people."`

	Derive     []Derive    `json:"derive,omitempty" doc:"Indicators computed from other columns over time, before everything else."`
	Denominate *Denominate `json:"denominate,omitempty" doc:"Divide each indicator by the column that its Denominator names."`
	Impute     *Impute     `json:"impute,omitempty" doc:"Fill missing cells, per period."`
	Screen     *Screen     `json:"screen,omitempty" doc:"Leave out units of which too little is known; counted after impute."`
	Treat      *Treat      `json:"treat,omitempty" doc:"Treat outliers, per period."`
	Normalise  *Normalise  `json:"normalise,omitempty" doc:"Bring the indicators to one scale; direction first."`
	Weights    *Weights    `json:"weights,omitempty" doc:"Shares among siblings; absent: those of the table of indicators."`

	Aggregate        Aggregates `json:"aggregate,omitempty" doc:"One entry for all levels of groups, or one a level from the bottom; absent: arithmetic."`
	MinKnownChildren Limits     `json:"min_known_children,omitempty" doc:"An aggregate needs at least this share of its children, by count; a list gives one a level from the bottom."`
	MinKnownWeight   Limits     `json:"min_known_weight,omitempty" doc:"The same by weight."`

	Adjust *Adjust `json:"adjust,omitempty" doc:"Bonus, deductions and veto on the score of the index."`
	Place  *Place  `json:"place,omitempty" doc:"How places are counted."`
	Tier   *Tier   `json:"tier,omitempty" doc:"Cut the list into tiers."`
}

// Derive makes an indicator from another column of panel data, so that growth
// stands next to the level of the same thing.
type Derive struct {
	Code string   `json:"code" doc:"Code of the new column; the table of indicators has it, the data does not."`
	Of   string   `json:"of" doc:"Code of the column it is made from."`
	As   string   `json:"as" words:"growth,increment,mean" doc:"growth: 100 (x / x before - 1), in percent; increment: x - x before; mean: of the last periods."`
	Lag  *float64 `json:"lag,omitempty" doc:"How far before, in units of Time; default 1. mean: over the periods less than this far back."`
}

// Denominate is the step that divides indicators by denominators. As JSON also
// true or false.
type Denominate struct {
	On    bool               `json:"on" doc:"Whether to denominate."`
	Scale map[string]float64 `json:"scale,omitempty" doc:"Factor by indicator, after the division."`
}

// Impute is the step that fills missing cells. See [ImputeMethods] and
// docs/methods.md for the formulas.
type Impute struct {
	Method  string   `json:"method,omitempty" short:"true" words:"mean,median,group_mean,group_median,sibling_mean,last,linear,constant,em,none" doc:"How to fill."`
	Group   string   `json:"group,omitempty" for:"group_mean,group_median" doc:"Code of the group column."`
	MaxAge  *float64 `json:"max_age,omitempty" for:"last" doc:"At most so many units of Time back."`
	Within  string   `json:"within,omitempty" for:"em" words:"siblings,all" doc:"The indicators that inform each other; default siblings."`
	MaxIter int      `json:"max_iter,omitempty" for:"em" doc:"Default 1000."`
	Tol     float64  `json:"tol,omitempty" for:"em" doc:"Largest change of a standardised value at which to stop; default 1e-10."`

	PerIndicator map[string]*Impute `json:"per_indicator,omitempty" doc:"Exceptions by indicator."`
}

// Screen is the step that leaves out units.
type Screen struct {
	MinKnown   float64  `json:"min_known,omitempty" doc:"A unit stays if the share of its indicators that are known is at least this."`
	MinNonzero float64  `json:"min_nonzero,omitempty" doc:"The same for the share of non-zero ones among the known."`
	Gates      []Gate   `json:"gates,omitempty" doc:"Conditions on single columns, as given, that a unit must meet."`
	Keep       []string `json:"keep,omitempty" doc:"Codes of units that stay whatever the rest says."`
	Drop       []string `json:"drop,omitempty" doc:"Codes of units that fall out whatever the rest says."`
}

// Gate is a condition for taking part, on a column as given (before denominating).
type Gate struct {
	Column  string   `json:"column" doc:"Code of an indicator, a denominator or another numeric column."`
	Min     *float64 `json:"min,omitempty" doc:"The value is at least this."`
	Max     *float64 `json:"max,omitempty" doc:"The value is at most this."`
	Missing string   `json:"missing,omitempty" words:"out,in" doc:"What a missing value means; default out."`
}

// Treat is the step against outliers. An indicator whose skewness and kurtosis
// fail the rule is winsorised; if it still fails, transformed by Otherwise.
type Treat struct {
	Winsorise  *Winsorise  `json:"winsorise,omitempty" doc:"First: winsorise one value at a time."`
	Percentile *Percentile `json:"percentile,omitempty" doc:"First, in place of winsorise: cut at percentiles."`
	Otherwise  string      `json:"otherwise,omitempty" words:"log_ct,log_ct_orig,log,log_gii,boxcox,none" doc:"Second, if the first did not help; default none."`
	Combine    bool        `json:"combine,omitempty" doc:"Start the second from what the first made, not from the untreated values."`
	Lambda     *float64    `json:"lambda,omitempty" doc:"Box-Cox: the parameter; absent: by maximum likelihood."`
	Skew       *float64    `json:"skew,omitempty" doc:"Passes if |skewness| is below this; default 2."`
	Kurtosis   *float64    `json:"kurtosis,omitempty" doc:"Or if excess kurtosis is below this; default 3.5."`

	PerIndicator map[string]*TreatOne `json:"per_indicator,omitempty" doc:"Settings by indicator; they always apply, whether the rule passes or not."`
}

// Winsorise holds the limit of winsorising.
type Winsorise struct {
	MaxPoints int `json:"max_points" doc:"Stop once so many cells differ from their untreated values; ties may pass it."`
}

// Percentile cuts a column at two of its quantiles (type 7).
type Percentile struct {
	Lower *float64 `json:"lower,omitempty" doc:"Share, 0..1; values below that quantile are raised to it."`
	Upper *float64 `json:"upper,omitempty" doc:"Share, 0..1; values above that quantile are lowered to it."`
}

// TreatOne is the treatment of one indicator, done without a test.
type TreatOne struct {
	Method string   `json:"method" short:"true" words:"winsorise,percentile,log_ct,log_ct_orig,log,log_gii,boxcox,none" doc:"What to do."`
	Points int      `json:"points,omitempty" for:"winsorise" doc:"So many points, on the side of the skew; default 1."`
	Lower  *float64 `json:"lower,omitempty" for:"percentile" doc:"As percentile.lower."`
	Upper  *float64 `json:"upper,omitempty" for:"percentile" doc:"As percentile.upper."`
	Lambda *float64 `json:"lambda,omitempty" for:"boxcox" doc:"As treat.lambda."`
}

// Normalise is the step that brings indicators to one scale. docs/methods.md
// has the formulas; the methods' names are those of COINr where it has them.
type Normalise struct {
	Method string `json:"method,omitempty" short:"true" words:"minmax,zscore,scaled,rank,prank,borda,dist2max,dist2ref,dist2targ,fracmax,goalposts,efficacy,benchmark,two_sided,bands,points,none" doc:"The method."`

	Lower *float64 `json:"lower,omitempty" for:"minmax,scaled" doc:"Lower end of the result; default 0."`
	Upper *float64 `json:"upper,omitempty" for:"minmax,scaled,points" doc:"Upper end of the result; default 100."`
	Mean  *float64 `json:"mean,omitempty" for:"zscore" doc:"Mean of the result; default 0."`
	Sd    *float64 `json:"sd,omitempty" for:"zscore" doc:"Standard deviation of the result; default 1."`
	Ddof  *int     `json:"ddof,omitempty" for:"zscore" words:"0,1" doc:"1 divides by n-1, 0 by n; default 1."`
	Min   *float64 `json:"min,omitempty" for:"scaled" doc:"Value that gives lower; default 0."`
	Max   *float64 `json:"max,omitempty" for:"scaled,points" doc:"Value that gives upper; default 100."`
	Ties  string   `json:"ties,omitempty" for:"rank,prank,borda" words:"min,average,max" doc:"Rank of equal values; default min."`
	Unit  string   `json:"unit,omitempty" for:"dist2ref" doc:"Code of the unit of reference."`
	Cap   *Cap     `json:"cap,omitempty" for:"dist2ref,dist2targ,benchmark" doc:"true cuts at 1, a number at that number, none not at all."`
	File  string   `json:"file,omitempty" for:"goalposts,efficacy,benchmark,two_sided,bands" doc:"Table of the parameters by indicator."`
	Clip  *bool    `json:"clip,omitempty" for:"goalposts,efficacy" doc:"Cut to the goalposts; default true for goalposts, false for efficacy."`
	Scale *float64 `json:"scale,omitempty" for:"goalposts" doc:"Factor on the result; default 1."`
	Base  *float64 `json:"base,omitempty" for:"efficacy" doc:"Score of the lowest; default 60."`
	Span  *float64 `json:"span,omitempty" for:"efficacy" doc:"Score of the highest less base; default 40."`

	Goalposts map[string][2]float64 `json:"goalposts,omitempty" for:"goalposts,efficacy" doc:"Lower and upper by indicator, in place of a file."`
	Values    map[string]float64    `json:"values,omitempty" for:"benchmark,two_sided" doc:"Benchmark or target by indicator, in place of a file."`
	Bands     []Band                `json:"bands,omitempty" for:"bands" doc:"Bands in ascending order, for every indicator of the method, in place of a file."`

	Range *[2]float64 `json:"range,omitempty" doc:"Lower and upper end of the result, for any method: 0..1 of goalposts, prank, dist2max and two_sided is stretched to it, of other methods the least and the greatest score. A range above 0 makes geometric means possible."`

	Transform string `json:"transform,omitempty" words:"none,ln,log10,sqrt" doc:"Of the value and of its goalposts, benchmark or target, first of all."`
	Panel     string `json:"panel,omitempty" words:"per_period,global" doc:"Panel data: the rows that give min, max, mean, ranks; default per_period."`
	Within    string `json:"within,omitempty" doc:"Code of a group column: min, max, mean and ranks are taken inside each group."`

	PerIndicator map[string]*Normalise `json:"per_indicator,omitempty" doc:"Exceptions by indicator; one with a method stands alone, one without adds its keys to those above."`
}

// Band gives a score to the values up to a bound.
type Band struct {
	UpTo  *float64 `json:"up_to,omitempty" doc:"The band holds values up to and including this; absent: all the rest."`
	Score float64  `json:"score" doc:"The score of the band."`
}

// Weights is the step that finds the shares among siblings.
type Weights struct {
	From string `json:"from,omitempty" short:"true" words:"meta,equal,file,values,budget,ahp,entropy,critic,sd,merec,pca,correlation,bod" doc:"Where the weights come from."`

	Path       string             `json:"path,omitempty" for:"file,budget,ahp" doc:"file: iCode,Weight; budget: iCode and one column a judge; ahp: a square matrix with codes."`
	Paths      map[string]string  `json:"paths,omitempty" for:"ahp" doc:"One matrix a group, by the code of the group."`
	Values     map[string]float64 `json:"values,omitempty" for:"values,correlation" doc:"Weights by code; for correlation the wanted importance."`
	Method     string             `json:"method,omitempty" for:"ahp" words:"eigenvector,column_mean" doc:"Default eigenvector."`
	Directions *bool              `json:"directions,omitempty" for:"critic" doc:"With normalise none: costs reversed before min-max; default true."`
	Min        *float64           `json:"min,omitempty" for:"correlation,bod" doc:"Least share of a child; default 0."`
	Max        *float64           `json:"max,omitempty" for:"correlation,bod" doc:"Greatest share of a child; default 1."`
	Nodes      []string           `json:"nodes,omitempty" for:"entropy,critic,sd,merec,pca,correlation,bod,ahp,equal" doc:"The groups whose children are weighed so; the others keep the weights of the table of indicators. Absent: all."`

	By   string                        `json:"by,omitempty" doc:"Code of a group column: units of the classes in sets have their own weights."`
	Sets map[string]map[string]float64 `json:"sets,omitempty" doc:"Weights by class, then by code; what a set does not name is as elsewhere."`
}

// Aggregate is the method of one level, or of one group.
type Aggregate struct {
	Method string `json:"method,omitempty" short:"true" words:"arithmetic,geometric,harmonic,power,minimum,sum,mpi,ampi,copeland,topsis,vikor,promethee2,copras,owa" doc:"The method."`

	P             Numbers   `json:"p,omitempty" for:"power,promethee2" doc:"power: the exponent; promethee2: preference thresholds in the order of the children."`
	Q             Numbers   `json:"q,omitempty" for:"promethee2" doc:"Indifference thresholds in the order of the children."`
	Preference    string    `json:"preference,omitempty" for:"promethee2" words:"usual,ushape,vshape,level,vshape_2,gaussian" doc:"Preference function; default usual."`
	Penalty       string    `json:"penalty,omitempty" for:"mpi,ampi" words:"minus,plus" doc:"minus where more is better; default minus."`
	Normalisation string    `json:"normalisation,omitempty" for:"topsis" words:"vector,minmax,none" doc:"Default vector."`
	V             *float64  `json:"v,omitempty" for:"vikor" doc:"Weight of the majority; default 0.5."`
	Weights       []float64 `json:"weights,omitempty" for:"owa" doc:"Weights of the ordered values, the highest first."`
	Missing       string    `json:"missing,omitempty" for:"sum" words:"rescale,zero" doc:"Whether the known children stand for the missing ones; default rescale."`

	PerNode map[string]*Aggregate `json:"per_node,omitempty" doc:"Exceptions by code of the group."`
}

// Adjust is what happens to the score of the index after aggregation.
type Adjust struct {
	Bonus      []Event  `json:"bonus,omitempty" doc:"Added to the score."`
	Deductions []Event  `json:"deductions,omitempty" doc:"Taken from the score."`
	Veto       []Veto   `json:"veto,omitempty" doc:"Events that cost the place, or the score."`
	MaxBonus   *float64 `json:"max_bonus,omitempty" doc:"Most that all bonuses together add."`
	MaxDeduct  *float64 `json:"max_deduct,omitempty" doc:"Most that all deductions together take."`
	Floor      *float64 `json:"floor,omitempty" doc:"The adjusted score is at least this."`
	Ceiling    *float64 `json:"ceiling,omitempty" doc:"The adjusted score is at most this."`
}

// Event turns a column of counts into points: per times the count, cut at cap.
type Event struct {
	Column string   `json:"column" doc:"Code of a column of the data (Type Event, or any other numeric column)."`
	Per    *float64 `json:"per,omitempty" doc:"Points for each; default 1."`
	Cap    *float64 `json:"cap,omitempty" doc:"Most points of this event."`
}

// Veto is an event with a consequence. It strikes where the column is above 0.
type Veto struct {
	Column string `json:"column" doc:"Code of a column of the data."`
	Effect string `json:"effect,omitempty" words:"no_place,no_score,last" doc:"no_place: the score stands without a place; no_score: none; last: placed behind all others. Default no_place."`
}

// Place is how places are counted.
type Place struct {
	Ties           string    `json:"ties,omitempty" short:"true" words:"competition,dense,modified,ordinal" doc:"Default competition: 1 2 2 4."`
	Decimals       *Decimals `json:"decimals,omitempty" doc:"Round scores to so many decimals for the places; default none."`
	TieBreak       []string  `json:"tie_break,omitempty" doc:"Codes of nodes that part equal scores, the better first; what is still equal shares the place (ordinal: the code of the unit decides)."`
	Without        []string  `json:"without,omitempty" doc:"Codes of units that take part without a place."`
	WithoutGroup   string    `json:"without_group,omitempty" doc:"Code of a group column: units of the classes in without_classes take part without a place."`
	WithoutClasses []string  `json:"without_classes,omitempty" doc:"See without_group."`
	Within         string    `json:"within,omitempty" doc:"Code of a group column: a second place is counted inside each class."`
}

// Tier cuts the placed units into tiers.
type Tier struct {
	Method   string    `json:"method,omitempty" short:"true" words:"share,cut,breaks" doc:"share: by share of units; cut: by score; breaks: natural breaks (Fisher and Jenks)."`
	Names    []string  `json:"names,omitempty" doc:"Best first; default A, B, C, ..."`
	Shares   []float64 `json:"shares,omitempty" for:"share" doc:"Share of each tier, best first; they sum to 1."`
	Cuts     []float64 `json:"cuts,omitempty" for:"cut" doc:"Least score of each tier but the last, best first."`
	Count    int       `json:"count,omitempty" for:"breaks" doc:"How many tiers; default the number of names."`
	Unplaced string    `json:"unplaced,omitempty" doc:"Tier of units without a place; default none."`
}

// Aggregates is a list of methods; as JSON a single one may stand without the list.
type Aggregates []*Aggregate

// Limits is a share for all levels, or one a level from the bottom. As JSON a
// number or a list.
type Limits []float64

// at is the limit of a level of groups, counted from 0; the last holds for the
// levels above it. Nil is 0.
func (l Limits) at(level int) float64 {
	if len(l) == 0 {
		return 0
	}
	return l[min(level, len(l)-1)]
}

// Numbers is a number or a list of numbers in JSON.
type Numbers []float64

// Cap is a bound on normalised values: none, true (1) or a number in JSON.
type Cap struct {
	On bool
	At float64
}

// Decimals is a number of decimals, or none in JSON.
type Decimals struct {
	On bool
	N  int
}

// Table is a table of text that a recipe names by path: a header and rows.
type Table struct {
	Header []string
	Rows   [][]string
}

// Attachments are the tables that a recipe names, by the path in the recipe.
type Attachments map[string]Table

// Paths lists the tables that the recipe names, sorted, each once.
func (r *Recipe) Paths() []string {
	var paths []string
	if r.Normalise != nil {
		paths = append(paths, r.Normalise.File)
		for _, n := range r.Normalise.PerIndicator {
			paths = append(paths, n.File)
		}
	}
	if r.Weights != nil {
		paths = append(paths, r.Weights.Path)
		for _, p := range r.Weights.Paths {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	if len(paths) > 0 && paths[0] == "" {
		paths = paths[1:]
	}
	return paths
}

// Clone is a deep copy. It panics on a recipe that [ParseRecipe] would not have
// read, one with an infinity or an unknown word.
func (r *Recipe) Clone() *Recipe {
	b, err := json.Marshal(r)
	if err != nil {
		panic("composite: a recipe with an impossible number: " + err.Error()) //nolint:forbidigo // a fault of who wrote the struct
	}
	out, err := ParseRecipe(b)
	if err != nil {
		panic("composite: " + err.Error()) //nolint:forbidigo // a fault of who wrote the struct
	}
	return out
}

// Words lists the values that a key of the recipe may have, such as
// Words("normalise", "method"); nil where any text will do. Paths follow the
// JSON keys; lists and maps are passed through.
func Words(path ...string) []string { return wordsAt(path) }
