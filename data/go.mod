module zonebench.internal/data

go 1.26.0
