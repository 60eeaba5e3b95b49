//go:build !amd64

package composite

func sumProducts(dst *[blockDraws]blockLine, x []blockLine, w []float64, by *[blockDraws]float64) {
	sumProductsGo(dst, x, w, by)
}

func sumProductsEach(dst *[blockDraws]blockLine, x []*blockLine, w []float64, by *[blockDraws]float64) {
	sumProductsEachGo(dst, x, w, by)
}
