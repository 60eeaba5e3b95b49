package composite

// hasAVX2 says that the processor and the system have AVX2.
var hasAVX2 = detectAVX2()

// detectAVX2 reads CPUID and XCR0.
//
//go:noescape
func detectAVX2() bool

// sumProductsAVX2 is sumProductsGo for len(w) = 4 k, with the same bits: products and
// sums are rounded separately, nothing is fused.
//
//go:noescape
func sumProductsAVX2(dst *[blockDraws]blockLine, x *blockLine, w *float64, k int, by *[blockDraws]float64)

// sumProductsEachAVX2 is sumProductsEachGo likewise.
//
//go:noescape
func sumProductsEachAVX2(dst *[blockDraws]blockLine, x **blockLine, w *float64, k int, by *[blockDraws]float64)

func sumProducts(dst *[blockDraws]blockLine, x []blockLine, w []float64, by *[blockDraws]float64) {
	if !hasAVX2 || len(x) == 0 || len(w) != blockDraws*len(x) {
		sumProductsGo(dst, x, w, by)
		return
	}
	sumProductsAVX2(dst, &x[0], &w[0], len(x), by)
}

func sumProductsEach(dst *[blockDraws]blockLine, x []*blockLine, w []float64, by *[blockDraws]float64) {
	if !hasAVX2 || len(x) == 0 || len(w) != len(x) {
		sumProductsEachGo(dst, x, w, by)
		return
	}
	sumProductsEachAVX2(dst, &x[0], &w[0], len(x)/blockDraws, by)
}
