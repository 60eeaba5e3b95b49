// Package composite computes composite indicators: tables of units by
// indicators, a tree of groups and a recipe go in; scores, places and
// everything that is needed to check them come out.
//
// # The three inputs
//
// [Data] holds the units (one row for each unit and period) and the numeric
// columns, column-major, with the state of each cell beside its value.
// [Tree] says how indicators make groups and groups make the index.
// [Recipe] says what is done, step by step. [Compile] checks the three against
// each other and gives an [Index]; [Index.Run] gives a [Result] that holds every
// stage.
//
// # Missing values
//
// In memory a cell that holds no number is NaN and its [Cell] state says why.
// The two always agree: a NaN never stands in a cell marked [Known] or
// [Imputed], and a function that cannot compute a value leaves the cell
// [Missing] and adds a [Warning]. Not applicable is not missing: such a cell
// is never imputed and does not count against completeness.
//
// # Determinism
//
// Nothing here reads a clock, the environment or a file, and nothing depends
// on map order: the same input gives the same bits. Columns are summed in the
// order of the tree, rows in the order of the data.
//
// # Conventions
//
// The conventions are those of the OECD/JRC Handbook on Constructing Composite
// Indicators (2008) as the R package COINr implements them; where textbooks
// differ the choice is a parameter and its default is stated. Standard
// deviations and variances divide by n-1 unless a parameter says otherwise,
// quantiles are linear (type 7 of Hyndman and Fan, 1996), skewness and kurtosis
// are the bias-corrected G1 and G2 (Joanes and Gill, 1998).
package composite

// Version of the engine. It changes whenever the same input gives another
// result, so that what was computed before can be told apart.
const Version = "composite/1"
