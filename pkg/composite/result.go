package composite

// Warning is something that a reader of the result must know. Nothing is
// dropped, cut or replaced without one.
type Warning struct {
	// Stage is the step: denominate, impute, screen, treat, normalise, weights,
	// aggregate, adjust, place or tier.
	Stage string `json:"stage"`
	// Code is the indicator or group, "" for none; Unit likewise.
	Code string  `json:"code,omitempty"`
	Unit string  `json:"unit,omitempty"`
	Time float64 `json:"time,omitempty"`
	// Text says what happened and what it means.
	Text string `json:"text"`
}

// Dropped is a row that a screen left out.
type Dropped struct {
	Unit   Unit
	Reason Absence
}

// Treatment is what was done to one column in one period.
type Treatment struct {
	Code string  `json:"code"`
	Time float64 `json:"time"`
	// Method is what stands at the end: winsorise, percentile, log_ct, ...
	// or none. Individual says that it was ordered for this indicator and
	// not found by the rule.
	Method     string `json:"method"`
	Individual bool   `json:"individual,omitempty"`
	// Points counts the cells that differ from their untreated values.
	Points int `json:"points"`
	// Skewness G1 and excess kurtosis G2 before and after; NaN where fewer
	// than 3 or 4 values, or equal ones, give none (null in JSON).
	SkewBefore, KurtBefore, SkewAfter, KurtAfter float64 `json:"-"`
	// Pass says whether the rule passes at the end.
	Pass bool `json:"pass"`
	// Lambda is the parameter of Box-Cox, else 0.
	Lambda float64 `json:"lambda,omitempty"`
	// Cells are the cells changed, in the order of rows.
	Cells []TreatedCell `json:"cells,omitempty"`
}

// TreatedCell is one changed cell of a treated column.
type TreatedCell struct {
	// Row is a row of the screened and treated frames.
	Row    int     `json:"row"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	// How is winsorised_high, winsorised_low, percentile_high, percentile_low,
	// or the name of a transformation.
	How string `json:"how"`
}

// WeightSet is the weights of one class of units.
type WeightSet struct {
	// Class is the value of the group column of weights.by; "" for all units
	// that no set names.
	Class string
	// Given are the weights before they are made shares, Share sums to 1 among
	// siblings (0 for all if all weigh 0), Effective is the product of shares
	// up the tree. One value a node of the tree, in its order.
	Given, Share, Effective []float64
}

// Adjustment is what the adjust step did to one row.
type Adjustment struct {
	// Items lists bonuses (positive) and deductions (negative) after their
	// own caps, in the order of the recipe.
	Items []AdjustmentItem `json:"items,omitempty"`
	// Bonus and Deduction are the sums after the common caps, both from 0 up.
	Bonus     float64 `json:"bonus"`
	Deduction float64 `json:"deduction"`
	// Veto is the effect that struck: no_place, no_score, last, or "".
	Veto string `json:"veto,omitempty"`
}

// AdjustmentItem is one bonus or deduction.
type AdjustmentItem struct {
	Column string  `json:"column"`
	Count  float64 `json:"count"`
	Points float64 `json:"points"`
}

// Result is a run with every stage. Frames up to Imputed have all the rows of
// the data, those from Screened on the rows that stayed; all of them, and the
// slices below, share the order of rows. Sort order is that of the data.
type Result struct {
	Tree *Tree
	// Raw is the data as given; the columns of it and of every frame up to
	// Normalised are the indicators in the order of the tree.
	Raw         *Frame
	Denominated *Frame
	Imputed     *Frame
	Screened    *Frame
	Treated     *Frame
	Normalised  *Frame
	// Aggregated has one column a group, in the order of the tree.
	Aggregated *Frame

	// Treatment has one entry a column and period that was treated or tested.
	Treatment []Treatment
	Dropped   []Dropped
	// Weights are the sets; the first is that of units without a class of
	// their own. SetOf is the set of each row.
	Weights []WeightSet
	SetOf   []int
	// RowWeights holds, for benefit of the doubt, the shares that a row gave
	// itself: RowWeights[node][row]; nil where the sets hold.
	RowWeights map[int][]float64

	// Rows are the screened rows: RowOf[i] is the row of the data.
	RowOf []int
	// Base is the score of the root, Scores the same after adjustment; NaN
	// where there is none.
	Base, Scores []float64
	Adjustments  []Adjustment
	// Places counts from 1 within a period; 0 for no place. GroupPlaces
	// likewise inside the classes of place.within, nil without.
	Places, GroupPlaces []int
	// Unplaced says why a row has no place.
	Unplaced []Absence
	// SmallerIsBetter says that place 1 is the smallest score (VIKOR).
	SmallerIsBetter bool
	// Tiers are the names of the tiers, nil without a tier step.
	Tiers []string

	// Completeness is the share of the indicators known as given, before
	// imputing; CompletenessByWeight the same by effective weight. What is not
	// applicable counts in neither.
	Completeness, CompletenessByWeight []float64

	Warnings []Warning
}

// Score returns the column of a node over the rows that stayed: normalised
// for an indicator, aggregated for a group; nil for an unknown code.
func (r *Result) Score(code string) []float64 {
	n := r.Tree.Find(code)
	if n < 0 {
		return nil
	}
	return r.node(n)
}

// node is Score by number.
func (r *Result) node(n int) []float64 {
	if l := r.Tree.LeafOf[n]; l >= 0 {
		return r.Normalised.Values[l]
	}
	for i, g := range r.Tree.Groups {
		if g == n {
			return r.Aggregated.Values[i]
		}
	}
	return nil
}
