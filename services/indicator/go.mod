module zonebench.internal/services/indicator

go 1.26.0

require (
	zonebench.internal/proto v0.0.0
	zonebench.internal/pkg v0.0.0
	zonebench.internal/pkg/composite v0.0.0
	zonebench.internal/pkg/local v0.0.0
)

replace (
	zonebench.internal/proto => ../../proto
	zonebench.internal/pkg => ../../pkg
	zonebench.internal/pkg/composite => ../../pkg/composite
	zonebench.internal/pkg/local => ../../pkg/local
)
