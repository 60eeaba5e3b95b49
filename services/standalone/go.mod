module zonebench.internal/services/standalone

go 1.26.0

require (
	zonebench.internal/data v0.0.0
	zonebench.internal/pkg v0.0.0
	zonebench.internal/pkg/composite v0.0.0
	zonebench.internal/pkg/local v0.0.0
	zonebench.internal/proto v0.0.0
	zonebench.internal/services/indicator v0.0.0
	zonebench.internal/services/ranking v0.0.0
	zonebench.internal/services/zone v0.0.0
)

require (
	codeberg.org/go-fonts/liberation v0.5.0 // indirect
	codeberg.org/go-latex/latex v0.2.0 // indirect
	codeberg.org/go-pdf/fpdf v0.11.1 // indirect
	git.sr.ht/~sbinet/gg v0.7.0 // indirect
	github.com/ajstarks/svgo v0.0.0-20211024235047-1546f124cd8b // indirect
	github.com/clipperhouse/uax29/v2 v2.2.0 // indirect
	github.com/golang/freetype v0.0.0-20170609003504-e2365dfdc4a0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/mattn/go-runewidth v0.0.31 // indirect
	github.com/spf13/cobra v1.10.2 // indirect
	github.com/spf13/pflag v1.0.9 // indirect
	go.yaml.in/yaml/v3 v3.0.6
	golang.org/x/image v0.30.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/term v0.47.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	gonum.org/v1/plot v0.17.0 // indirect
)

replace (
	zonebench.internal/data => ../../data
	zonebench.internal/pkg => ../../pkg
	zonebench.internal/pkg/composite => ../../pkg/composite
	zonebench.internal/pkg/local => ../../pkg/local
	zonebench.internal/proto => ../../proto
	zonebench.internal/services/indicator => ../indicator
	zonebench.internal/services/ranking => ../ranking
	zonebench.internal/services/zone => ../zone
)
