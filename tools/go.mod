module zonebench.internal/tools

go 1.26.0
