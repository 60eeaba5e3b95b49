module zonebench.internal/pkg

go 1.26.0

require (
	zonebench.internal/proto v0.0.0
	zonebench.internal/pkg/local v0.0.0
)

replace (
	zonebench.internal/proto => ../proto
	zonebench.internal/pkg/local => ./local
)
