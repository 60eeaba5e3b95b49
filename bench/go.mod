module zonebench.internal/bench

go 1.26.0

require (
	google.golang.org/grpc v1.85.0
	zonebench.internal/pkg/composite v0.0.0
)

require (
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	gonum.org/v1/gonum v0.17.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261110000943-09e21b237f2c // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace (
	zonebench.internal/data => ../data
	zonebench.internal/pkg => ../pkg
	zonebench.internal/pkg/composite => ../pkg/composite
	zonebench.internal/pkg/local => ../pkg/local
	zonebench.internal/proto => ../proto
	zonebench.internal/services/board => ../services/board
	zonebench.internal/services/indicator => ../services/indicator
	zonebench.internal/services/ranking => ../services/ranking
	zonebench.internal/services/standalone => ../services/standalone
	zonebench.internal/services/zone => ../services/zone
)
