# `make` lists the targets. The checks are in .ci/run.

OPENAPI_PACKAGE := @octokit/openapi@23.0.2
OPENAPI_DIR     := conformance/.openapi
FUZZTIME        ?= 1m
BENCH           ?= .
BENCHTIME       ?= 1s
BENCHCOUNT      ?= 10
GO_RELEASES     ?= $(shell sed -n "s/^go_releases='\(.*\)'/\1/p" .ci/run)

.DEFAULT_GOAL := help
.PHONY: help test race lint fmt fuzz ci quickstart picture openapi bench

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## Run the tests
	go test ./...

race: ## Run the tests with the race detector, in random order
	.ci/run test

lint: ## Run gofmt, go vet and golangci-lint (installed on first use)
	.ci/run format vet lint

fmt: ## Format the Go files
	gofmt -w $$(git ls-files '*.go')

fuzz: ## Fuzz every target, FUZZTIME each (1m)
	FUZZTIME=$(FUZZTIME) .ci/run fuzz

ci: ## Run everything that a change must pass
	.ci/run

quickstart: ## Run two deployments end to end on an embedded server
	go run ./examples/quickstart

picture: ## Draw docs/release.svg from the output of examples/release
	go run ./internal/termsvg -o docs/release.svg go run ./examples/release -demo

openapi: ## Get GitHub's OpenAPI description from npm, cut for conformance/
	@set -eu; tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
	npm pack --silent --pack-destination "$$tmp" $(OPENAPI_PACKAGE) >/dev/null; \
	tar -xzf "$$tmp"/*.tgz -C "$$tmp"; \
	mkdir -p $(OPENAPI_DIR); \
	(cd conformance && go run ./internal/cutopenapi -from "$$tmp/package/generated" -to "$(CURDIR)/$(OPENAPI_DIR)"); \
	ls -l $(OPENAPI_DIR)

bench: ## Compare with go-github under both Go releases; prints a table, draws docs/performance.svg
	@set -eu; out=$$(mktemp); trap 'rm -f "$$out"' EXIT; \
	for release in $(GO_RELEASES); do \
		export GOTOOLCHAIN=$$release; \
		(cd benchmarks && \
			go test -run '^$$' -bench '$(BENCH)' -skip Memory -benchtime $(BENCHTIME) -count $(BENCHCOUNT) -timeout 2h . && \
			go test -run '^$$' -bench Memory -benchtime 100x . && \
			go test -run '^$$' -bench Memory -benchtime 10000x .) | tee -a "$$out" >&2; \
	done; \
	unset GOTOOLCHAIN; cd benchmarks && go run ./internal/report -chart ../docs/performance.svg <"$$out"
