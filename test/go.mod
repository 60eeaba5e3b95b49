module zonebench.internal/test

go 1.26.0

require (
	zonebench.internal/data v0.0.0
	zonebench.internal/pkg v0.0.0
	zonebench.internal/pkg/composite v0.0.0
	zonebench.internal/pkg/local v0.0.0
	zonebench.internal/proto v0.0.0
	zonebench.internal/services/indicator v0.0.0
	zonebench.internal/services/ranking v0.0.0
	zonebench.internal/services/standalone v0.0.0
	zonebench.internal/services/zone v0.0.0
)

require github.com/rogpeppe/go-internal v1.16.0 // indirect

replace (
	zonebench.internal/data => ../data
	zonebench.internal/pkg => ../pkg
	zonebench.internal/pkg/composite => ../pkg/composite
	zonebench.internal/pkg/local => ../pkg/local
	zonebench.internal/proto => ../proto
	zonebench.internal/services/indicator => ../services/indicator
	zonebench.internal/services/ranking => ../services/ranking
	zonebench.internal/services/standalone => ../services/standalone
	zonebench.internal/services/zone => ../services/zone
)
