# zonebench: `make` lists the targets. Every check is `verify-x`; where a machine can repair it there is `fix-x`.
#
# `make run` and `make test` need nothing but Go. The other checks build their tools, once, into .cache/bin.

MAKEFLAGS += --warn-undefined-variables --no-builtin-rules
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

BIN := .cache/bin
WEB := services/board/web

# What `zonebench version` says. Without git, or outside a clone, it is "devel".
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -X zonebench.internal/pkg/telemetry.version=$(VERSION)

# Stamping is ours (above): Go's own fails in a clone that belongs to another user.
export GOFLAGS := -buildvcs=false
# Our modules are beside each other, never on a server: a missing one is not asked for by name.
export GOPRIVATE := zonebench.internal

# Flags for the test targets, for example: make test T='-run Commit -v'
T ?=
# What `make bench` runs, and for how long each.
BENCH ?= .
BENCHTIME ?= 1s

# Directories of the modules in go.work, relative; and those of their packages, without the generated ones.
modules = $$(go list -m -f '{{.Dir}}' | sed "s|^$(CURDIR)/||")
packages = $$(go list -f '{{.Dir}}' work | sed "s|^$(CURDIR)/|./|" | grep -v '^./proto/gen/')

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^## / {printf "\n%s\n", substr($$0, 4)} /^[a-z][a-z_-]*:.*## / {printf "  %-18s %s\n", $$1, $$2}' Makefile

## Build and run

.PHONY: run
run: board ## Build zonebench, with its board where Node is, and run its demo: the one command to start with
	@$(MAKE) --no-print-directory bin/zonebench
	@bin/zonebench demo

# Without Node, or without the packages, everything else is built and runs: the board says what is missing.
.PHONY: board
board: ## Build the board's front end if Node is there and its sources are newer than what is built
	@if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then \
		echo 'Node.js 20 or newer is not here: the board will show how to build it; services, API and command line run all the same'; \
	elif [[ ! -e $(WEB)/dist/app/index.html || -n $$(find $(WEB)/src $(WEB)/public $(WEB)/scripts $(WEB)/*.json $(WEB)/*.ts $(WEB)/index.html \
		-newer $(WEB)/dist/app/index.html -print -quit) ]]; then \
		{ $(MAKE) --no-print-directory $(WEB)/node_modules && cd $(WEB) && npm run --silent build; } || \
		echo 'The front end was not built (see above): the board shows an earlier one, or how to build it; everything else runs'; \
	fi

.PHONY: build
build: ## Build every command into bin/
	@mkdir -p bin
	@CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o bin/ $$(go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' work | grep '/services/')

.PHONY: bin/zonebench
bin/zonebench:
	@mkdir -p bin
	@CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o $@ ./services/standalone/cmd/zonebench

# Static and without paths, times or build ids: the same sources give the same bytes. The board carries the front end
# that is built (see the web targets), or a page that says that it is not.
.PHONY: images
images: dist/bin ## Build the container images into dist/images, without a container engine (TAG= ARCH= REPOSITORY= PUSH=-push)
	@GOWORK=off go -C deploy run ./cmd/images -bin ../dist/bin -to ../dist/images -version '$(VERSION)' -tag '$(TAG)' -arch '$(ARCH)' \
		$(if $(REPOSITORY),-repository '$(REPOSITORY)') $(PUSH)
TAG ?= devel
ARCH ?= amd64
REPOSITORY ?=
PUSH ?=

.PHONY: secrets
secrets: ## Make certificates, keys and passwords into dist/secrets, for deploy/compose.yaml and Kubernetes
	@GOWORK=off go -C deploy run ./cmd/secrets -dir ../dist/secrets

.PHONY: verify-deploy
verify-deploy: $(BIN)/kube-score ## Images, manifests, rules and dashboards agree with the programs
	@GOWORK=off CGO_ENABLED=0 go -C deploy vet ./... && GOWORK=off CGO_ENABLED=0 go -C deploy test $(T) ./...

.PHONY: dist/bin
dist/bin:
	@mkdir -p dist/bin
	@CGO_ENABLED=0 GOOS=linux GOARCH=$(ARCH) go build -trimpath -ldflags '-s -w -buildid= $(LDFLAGS)' -o dist/bin/ \
		$$(GOWORK=off go -C deploy run ./cmd/images -packages)

.PHONY: clean
clean: ## Remove what was built (the tools in .cache/bin stay)
	@rm -rf bin dist/bin dist/images .cache/gen $(WEB)/dist/app

## Test

.PHONY: test
test: verify-arch ## Run all tests of all modules; needs nothing but Go
	@CGO_ENABLED=0 go test $(T) work

.PHONY: race
race: ## Run all tests under the race detector (needs gcc)
	@CGO_ENABLED=1 go test -race $(T) work

# The program is built anew, so that it carries the front end that was built just before.
.PHONY: test-board
test-board: $(WEB)/node_modules ## Test the board in Chromium over the real program (needs Node and chromium)
	@cd $(WEB) && npm run --silent build
	@$(MAKE) --no-print-directory bin/zonebench
	@cd $(WEB) && npm test --silent

.PHONY: screens
screens: $(WEB)/node_modules bin/zonebench ## Take the pictures in docs/screens, of the invented province (needs Node and chromium)
	@cd $(WEB) && npm run --silent screens

.PHONY: chaos-short
chaos-short: ## Break a cluster of real processes, one of each fault (root, iproute2 and redis-server; about two minutes)
	@CGO_ENABLED=0 CHAOS=short go test -count=1 -timeout 15m -v ./test/chaos

.PHONY: chaos
chaos: ## The same as long as the requirements ask, about fifteen minutes; writes what it measured into docs/ (CHAOS_SEED=n repeats)
	@CGO_ENABLED=0 CHAOS=long MUST_RUN=1 CHAOS_REPORT='$(CURDIR)/docs/operations/replicas.md' \
		go test -count=1 -timeout 60m -v ./test/chaos

.PHONY: bench
bench: ## Run the benchmarks, and the index engine beside numpy where it is (BENCH=regexp BENCHTIME=1s)
	@CGO_ENABLED=0 go test -run '^$$' -bench '$(BENCH)' -benchtime '$(BENCHTIME)' -benchmem $(T) work
	@if python3 -c 'import numpy' 2>/dev/null; then go run ./bench/cmd/compare; \
	else echo "the peer is missing: install python3-numpy to compare the index engine with it"; fi

## Generate

.PHONY: gen
gen: .cache/gen ## Generate Go from proto/ into proto/gen
	@tools/sync-tree .cache/gen/proto/gen proto/gen

# Generates into a scratch folder: nothing under proto/gen changes, and nobody who builds meanwhile sees half a tree.
.PHONY: .cache/gen
.cache/gen: $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc third_party
	@rm -rf $@ && mkdir -p $@
	@$(BIN)/buf generate --template buf.gen.yaml -o $@

# The client of the board is generated by the plugin in its node_modules, so it needs Node.
.PHONY: gen-web
gen-web: .cache/gen-web ## Generate the board's client from proto/ (needs Node)
	@tools/sync-tree .cache/gen-web/services/board/web/src/gen services/board/web/src/gen

.PHONY: .cache/gen-web
.cache/gen-web: $(BIN)/buf third_party $(WEB)/node_modules
	@rm -rf $@ && mkdir -p $@
	@$(BIN)/buf generate --template buf.gen.web.yaml -o $@

# Without scripts: no package runs anything when it is installed.
$(WEB)/node_modules: $(WEB)/package-lock.json
	@cd $(WEB) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: third_party
third_party: $(BIN)/vendorprotos ## Fetch the protobuf files of others (git ignores them)
	@$(BIN)/vendorprotos third_party

.PHONY: baseline
baseline: $(BIN)/buf third_party ## Keep the contracts of a release (RELEASE=v0.1.0) for verify-breaking
	@[[ '$(RELEASE)' =~ ^v[0-9]+\.[0-9]+\.[0-9]+$$ ]] || { echo 'usage: make baseline RELEASE=v0.1.0'; exit 2; }
	@mkdir -p proto/baseline
	@$(BIN)/buf build proto -o 'proto/baseline/$(RELEASE).binpb'
RELEASE ?=

## Check and repair

.PHONY: verify
verify: verify-gen verify-format verify-tidy verify-proto verify-breaking verify-modules verify-arch lint ## Run every check

.PHONY: fix
fix: fix-gen fix-proto fix-format fix-tidy ## Repair everything that a machine can repair

.PHONY: lint
lint: $(BIN)/golangci-lint ## Lint the Go code of all modules
	@$(BIN)/golangci-lint run $(packages)
	@cd tools/protoc && GOWORK=off ../../$(BIN)/golangci-lint run ./...
	@cd deploy && GOWORK=off ../$(BIN)/golangci-lint run ./...

.PHONY: fix-lint
fix-lint: $(BIN)/golangci-lint ## Apply what the linters can repair by themselves; read the diff
	@$(BIN)/golangci-lint run --fix $(packages)

.PHONY: verify-format
verify-format: $(BIN)/golangci-lint ## Go code is formatted
	@$(BIN)/golangci-lint fmt --diff $(packages) || { echo 'run: make fix-format'; exit 1; }

.PHONY: fix-format
fix-format: $(BIN)/golangci-lint ## Format the Go code
	@$(BIN)/golangci-lint fmt $(packages)

.PHONY: verify-gen
verify-gen: .cache/gen ## The generated code is what proto/ gives
	@diff -r --brief .cache/gen/proto/gen proto/gen || { echo 'proto/gen is out of date; run: make fix-gen'; exit 1; }

.PHONY: verify-gen-web
verify-gen-web: .cache/gen-web ## The board's client is what proto/ gives (needs Node)
	@diff -r --brief .cache/gen-web/services/board/web/src/gen services/board/web/src/gen || { echo 'the client is out of date; run: make gen-web'; exit 1; }

.PHONY: fix-gen
fix-gen: gen ## The same as gen

.PHONY: verify-proto
verify-proto: $(BIN)/buf third_party ## Contracts are formatted and pass buf lint
	@$(BIN)/buf format --diff --exit-code proto || { echo 'run: make fix-proto'; exit 1; }
	@$(BIN)/buf lint

.PHONY: fix-proto
fix-proto: $(BIN)/buf third_party ## Format the contracts
	@$(BIN)/buf format --write proto

.PHONY: verify-breaking
verify-breaking: $(BIN)/buf third_party ## Contracts still read what every release in proto/baseline wrote
	@mkdir -p .cache && $(BIN)/buf build proto -o .cache/contracts.binpb
	@shopt -s nullglob; for base in proto/baseline/*.binpb; do \
		echo "against $$base"; \
		$(BIN)/buf breaking .cache/contracts.binpb --against "$$base"; \
		$(BIN)/buf breaking .cache/contracts.binpb --against "$$base" --config buf.ledger.yaml --path zonebench/ledger; \
	done

.PHONY: verify-tidy
verify-tidy: ## Every go.mod and go.sum is tidy
	@bad=; for m in $(modules) deploy tools/buf tools/protoc tools/lint tools/kube; do \
		GOWORK=off go -C "$$m" mod tidy -diff || bad+=" $$m"; \
	done; \
	[[ -z $$bad ]] || { echo "not tidy:$$bad; run: make fix-tidy"; exit 1; }

.PHONY: fix-tidy
fix-tidy: ## Bring every go.mod to the workspace's versions and tidy it
	@go work sync
	@for m in $(modules) deploy tools/buf tools/protoc tools/lint tools/kube; do GOWORK=off go -C "$$m" mod tidy; done

.PHONY: verify-modules
verify-modules: ## Every module builds and vets alone, without the workspace
	@mods="$(modules)"; export GOWORK=off CGO_ENABLED=0; bad=; for m in $$mods tools/protoc; do \
		[[ -n $$(go -C "$$m" list ./... 2>/dev/null) ]] || { echo "$$m: no packages"; continue; }; \
		echo "$$m"; \
		go -C "$$m" build -o /dev/null ./... && go -C "$$m" vet ./... || bad+=" $$m"; \
	done; \
	[[ -z $$bad ]] || { echo "does not build alone:$$bad"; exit 1; }

# Its input is the tree, which the test cache does not watch: -count=1.
.PHONY: verify-arch
verify-arch: ## Imports and modules keep to the architecture
	@CGO_ENABLED=0 go test -count=1 ./test/arch

## Tools

.PHONY: tools
tools: $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc $(BIN)/vendorprotos $(BIN)/golangci-lint $(BIN)/kube-score ## Build all tools now

# Each is a module outside go.work, where its dependencies would choose the versions of ours.
# tools/install looks at content, not at times, and returns at once when there is nothing to do.
.PHONY: $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc $(BIN)/vendorprotos $(BIN)/golangci-lint $(BIN)/kube-score
$(BIN)/buf:
	@tools/install buf github.com/bufbuild/buf/cmd/buf
$(BIN)/protoc-gen-go:
	@tools/install protoc google.golang.org/protobuf/cmd/protoc-gen-go
$(BIN)/protoc-gen-go-grpc:
	@tools/install protoc google.golang.org/grpc/cmd/protoc-gen-go-grpc
$(BIN)/vendorprotos:
	@tools/install protoc ./vendorprotos
$(BIN)/golangci-lint:
	@tools/install lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
$(BIN)/kube-score:
	@tools/install kube github.com/zegl/kube-score/cmd/kube-score
