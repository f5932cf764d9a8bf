# Each target is one or two plain go commands; nothing here is needed to use the library.

FUZZTIME ?= 30s
SOAK ?= 10m
BENCH ?= full

.PHONY: help test check ci soak fuzz canary timing mutants vuln bench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-7s %s\n", $$1, $$2}' Makefile

test: ## every test of every module under the race detector, nothing skipped for want of a program
	scripts/setup
	SOJOURN_TEST_REQUIRE=all go test -race work

check: ## format, vet, lint, dependency arrows, the core built alone
	scripts/check

ci: ## what CI runs: check, test, and the core's tests shuffled
	.ci/run

soak: ## storetest at random, with fresh seeds, over memory and databases until SOAK is over, and totals
	scripts/soak $(SOAK)

fuzz: ## every fuzz target for FUZZTIME each, how many inputs they ran, and what they found
	scripts/fuzz $(FUZZTIME)

canary: ## tests with secrets that can be recognised, and a search of all they print and leave for them
	GOWORK=off go run -C tools ./canary -dir .. . ./memstore ./sojourntest ./cookiestore ./storetest/... ./docs/examples/... ./stores/sqlite ./cmd/sojourn/...

timing: ## whether a wrong token's time tells how wrong it is, by Welch's t-test; for a machine with nothing else to do
	SOJOURN_TEST_TIMING=1000000 go test -count=1 -run '^TestTiming' -v .

mutants: ## break the core in some 2,500 small ways, one at a time, and list those that no test of it notices; takes the better part of an hour
	GOWORK=off go run -C tools ./mutants -dir ..

vuln: ## known vulnerabilities that the code of any module reaches, by Go's database, online or from a module proxy, or by VULNDB
	scripts/vuln $(VULNDB)

bench: ## all session libraries side by side: prints the report and puts it into docs/performance.md; BENCH=quick is coarse and fast
	SOJOURN_BENCH=$(BENCH) go test -C bench -count=1 -timeout 60m -v -run '^TestReport$$' .
