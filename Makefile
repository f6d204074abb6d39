# The house's own commands. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# A shell that is not a login shell may not know where rustup put cargo.
export PATH := $(PATH):$(HOME)/.cargo/bin

ARGS ?=
ROUNDS ?= 100
SEED ?=
SEEDS ?= 1000
JOBS ?= 2

.PHONY: help demo test crash sim bench lint tidy fmt sdks mutants audit setup

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## the whole story in one process tree: server, device, application [ARGS=--json]
	@scripts/setup build
	@cargo run -q --locked -p downlink -- demo $(ARGS)

test: ## everything that must hold: format, lints, tests, 10 crash rounds
	@scripts/test

crash: ## kill -9 the real server under load and check its history [ROUNDS=100 SEED=n]
	@scripts/setup build
	@cargo run -q --locked -p downlink -- crash --rounds $(ROUNDS) $(if $(SEED),--seed $(SEED))

sim: ## the heart's simulator over many seeds [SEEDS=1000]
	@scripts/setup build
	@SEEDS=$(SEEDS) cargo test -q --locked -p delivery --test it simulator -- --nocapture

bench: ## measure a release build beside the disk's own fsync rate [ARGS=--json]
	@scripts/setup build
	@cargo run -q --release --locked -p downlink -- bench $(ARGS)

lint: ## format check and clippy, warnings are errors
	@scripts/setup build
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets --locked -- -D warnings

tidy: ## the house rules that no compiler knows: edges, diets, licences, sizes
	@scripts/setup build
	@cargo test -q --locked -p downlink --test tidy

fmt: ## format the Rust code
	@cargo fmt --all

sdks: ## write openapi.json, and what the client SDKs take from it and from sdks/surface.json
	@scripts/setup test
	@UPDATE=1 cargo test -q --locked -p api --test openapi_document </dev/null >/dev/null
	@cd sdks && PYTHONDONTWRITEBYTECODE=1 python3 -m generate

mutants: ## change the heart in every small way and see that a test notices [JOBS=2]
	@scripts/setup build
	@command -v cargo-mutants >/dev/null || cargo install --locked cargo-mutants
	@PROPTEST_MAX_SHRINK_ITERS=0 RUST_BACKTRACE=0 SEEDS=30 cargo mutants --package delivery --jobs $(JOBS) $(ARGS)

audit: ## known vulnerabilities, licences, sources and bans over every platform
	@scripts/setup build
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	@cargo deny --locked check $(ARGS)

setup: ## install what the tests need, through apt
	@scripts/setup test
