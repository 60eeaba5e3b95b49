module zonebench.internal/bench

go 1.26.0

require (
	github.com/redis/go-redis/v9 v9.23.0
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
	zonebench.internal/pkg/composite v0.0.0
	zonebench.internal/proto v0.0.0
)

require (
	buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go v1.36.12-20260825204119-511051f7f437.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	go.yaml.in/yaml/v3 v3.0.6 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	gonum.org/v1/gonum v0.17.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20261110000943-09e21b237f2c // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261110000943-09e21b237f2c // indirect
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
