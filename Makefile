# Each target is one or two plain go commands; nothing here is needed to use the library.

FUZZTIME ?= 30s
SOAK ?= 10m

.PHONY: help test check ci soak fuzz bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-7s %s\n", $$1, $$2}' Makefile

test: ## every test of every module under the race detector, nothing skipped for want of a program
	scripts/setup
	SOJOURN_TEST_REQUIRE=all go test -race work

check: ## format, vet, lint, dependency arrows, the core built alone
	scripts/check

ci: ## what CI runs: check, test, and the core's tests shuffled
	.ci/run

soak: ## storetest at random, with fresh seeds, over memory and SQLite until SOAK is over, and totals
	scripts/soak $(SOAK)

fuzz: ## every fuzz target for FUZZTIME, and how many inputs they ran
	scripts/fuzz $(FUZZTIME)

bench: ## every benchmark
	go test -run '^$$' -bench . -benchmem work
