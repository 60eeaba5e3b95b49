# zonebench: `make` lists the targets. Every check is `verify-x`; where a machine can repair it there is `fix-x`.

MAKEFLAGS += --warn-undefined-variables --no-builtin-rules
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

CACHE := .cache
BIN := $(CACHE)/bin
STAMPS := $(CACHE)/stamps

# The tools are modules of their own, outside go.work: their dependencies must not choose ours.
TOOL := GOWORK=off go -C

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-zA-Z_-]*:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##
## Code generation
##

.PHONY: gen
gen: $(BIN)/buf $(BIN)/protoc-gen-go $(BIN)/protoc-gen-go-grpc third_party ## Generate Go from proto/ into proto/gen
	@rm -rf $(CACHE)/gen && mkdir -p $(CACHE)/gen
	@$(BIN)/buf generate --template buf.gen.yaml -o $(CACHE)/gen
	@tools/sync-tree $(CACHE)/gen/proto/gen proto/gen

.PHONY: third_party
third_party: $(STAMPS)/third_party ## Fetch the protobuf files of others (git ignores them)

$(STAMPS)/third_party: $(BIN)/vendorprotos
	@$(BIN)/vendorprotos third_party
	@mkdir -p $(@D) && touch $@

$(BIN)/vendorprotos: tools/protoc/vendorprotos/main.go tools/protoc/go.mod tools/protoc/go.sum
	@$(TOOL) tools/protoc build -o ../../$@ ./vendorprotos

$(BIN)/buf: tools/go.mod tools/go.sum
	@echo "building buf (about two minutes, once)"
	@$(TOOL) tools build -o ../$@ github.com/bufbuild/buf/cmd/buf

$(BIN)/protoc-gen-go: tools/protoc/go.mod tools/protoc/go.sum
	@$(TOOL) tools/protoc build -o ../../$@ google.golang.org/protobuf/cmd/protoc-gen-go

$(BIN)/protoc-gen-go-grpc: tools/protoc/go.mod tools/protoc/go.sum
	@$(TOOL) tools/protoc build -o ../../$@ google.golang.org/grpc/cmd/protoc-gen-go-grpc
