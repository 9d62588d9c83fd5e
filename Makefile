# Tallygate. `make` or `make help` lists what there is.

GO               ?= go
VERSION          ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME         ?= 30s
CRASH_ROUNDS     ?= 50
CHECKS           ?= 1000
SOAK_TIME        ?= 1h
GOLANGCI_VERSION ?= v2.12.2

# SQLite uses fdatasync, which does not write the times of the log with each commit, and leaves
# out a count of its memory that nobody reads, if it is told so.
export CGO_CFLAGS ?= -O2 -g -DHAVE_FDATASYNC=1 -DSQLITE_DEFAULT_MEMSTATUS=0

BENCH_SHORT := $(filter-out 0,$(BENCH_QUICK))
BINARY   := bin/tallygate
GOLANGCI := bin/tools/golangci-lint-$(GOLANGCI_VERSION)
RULES    := deploy/prometheus/tallygate.rules.yml

.DEFAULT_GOAL := help
.PHONY: help run build test vet rules bench lint fuzz search crash soak peers clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## the main job on one command: a gateway, a small venue, five guests (ONCE=1 ends by itself)
	$(BINARY) demo $(if $(filter-out 0,$(ONCE)),--once)

build: $(BINARY) ## bin/tallygate

# FORCE: go build knows better than make whether anything changed.
$(BINARY): FORCE
	$(GO) build -trimpath -buildvcs=false -ldflags '-X main.version=$(VERSION)' -o $@ ./cmd/tallygate

# The properties take the same ways each time, so that what fails is what was changed; make search
# takes others.
test: export RAPID_SEED ?= 1

# -count=1: tests that build and run the real program do not import it, so that Go would
# take their old result for good after any change of it.
test: peers vet rules ## all tests, with the race detector; installs the tools they need
	$(GO) test -race -count=1 -timeout 20m ./...

vet:
	$(GO) vet ./...

rules: peers
	promtool check rules $(RULES)
	promtool test rules deploy/prometheus/tallygate.rules.test.yml

# Debian packages: other people's RADIUS clients, promtool, readers of PDF and QR codes.
peers:
	@.ci/peers

bench: build ## all benchmarks, and the gateway against its goals and FreeRADIUS: docs/benchmarks.md (BENCH_QUICK=1: short)
	$(GO) test -run '^$$' -bench . -benchmem $(if $(BENCH_SHORT),-benchtime 100ms) ./...
	$(GO) build -trimpath -buildvcs=false -o bin/bench ./cmd/internal/bench/cmd
	@mkdir -p docs
	bin/bench -program $(BINARY) -install -out docs/benchmarks.md -command 'make bench$(if $(BENCH_SHORT), BENCH_QUICK=1)' $(if $(BENCH_SHORT),-quick)

# Its own cache: the one of the user is shared by all clones, and an answer from it names the files
# of the clone that asked first, where the //nolint beside them may be gone.
lint: $(GOLANGCI) ## gofmt, golangci-lint with the import directions, shell scripts, the systemd unit
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	GOLANGCI_LINT_CACHE=$(abspath bin/lint-cache) $(GOLANGCI) run ./...
	bash -n .ci/run .ci/peers
	.ci/unit deploy/tallygate.service

$(GOLANGCI):
	@mkdir -p $(@D)
	GOBIN=$(abspath $(@D)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(@D)/golangci-lint $@

fuzz: ## every fuzz target, FUZZTIME each (30s)
	@set -e; for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "== $$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$package; \
		done; \
	done

search: ## other ways through the properties, CHECKS each (1000)
	RAPID_CHECKS=$(CHECKS) $(GO) test -count=1 -timeout 0 ./licensing ./macwatch ./radiusd ./disconnect ./store

crash: ## kill -9 under load, CRASH_ROUNDS times (50)
	$(GO) test -race -count=1 -v -timeout 60m -run '^TestCrash' ./cmd/internal/e2e -crash.rounds=$(CRASH_ROUNDS)

soak: build ## a venue for SOAK_TIME (1h) at a real gateway: nothing lost, memory flat
	$(GO) test -count=1 -v -timeout 0 -run '^TestSoak' ./cmd/tallygate -soak.time=$(SOAK_TIME)

clean: ## remove what was built
	rm -rf bin dist
