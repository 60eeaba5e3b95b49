module zonebench.internal/proto

go 1.26.0
