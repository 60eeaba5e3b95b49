package composite

import "testing"

// A processor without AVX2 gives the same bits.
func TestWithoutAVX2(t *testing.T) {
	if !hasAVX2 {
		t.Skip("the processor has no AVX2: the other tests go the portable way")
	}
	defer func() { hasAVX2 = true }()
	hasAVX2 = false
	TestWeightBlockHasTheBitsOfTheDefinition(t)
	TestMonteCarloDrawsAreRuns(t)
}
