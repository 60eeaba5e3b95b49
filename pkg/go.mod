module zonebench.internal/pkg

go 1.26.0

require (
	zonebench.internal/pkg/local v0.0.0
	zonebench.internal/proto v0.0.0
)

require (
	github.com/tidwall/btree v1.8.2 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261110000943-09e21b237f2c // indirect
	google.golang.org/grpc v1.85.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
	pgregory.net/rapid v1.3.0 // indirect
)

replace (
	zonebench.internal/pkg/local => ./local
	zonebench.internal/proto => ../proto
)
