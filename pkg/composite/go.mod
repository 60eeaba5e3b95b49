module zonebench.internal/pkg/composite

go 1.26.0
