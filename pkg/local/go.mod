module zonebench.internal/pkg/local

go 1.26.0
