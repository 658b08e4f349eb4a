# What is done here, by people and by CI. `make` alone lists it.
#
# ARGS is handed on: make run ARGS="--port 4000", make bench ARGS="--runs 5". SUITES picks: make test SUITES="rust python".

SHELL := /usr/bin/env bash
.DEFAULT_GOAL := help
.PHONY: help run test check format lints docs dependencies bench bench-cluster bench-hold bench-test faults cluster cluster-test clean-tools

help: ## Lists the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: ## Runs a node with its chat page on http://127.0.0.1:3000, built for speed (ARGS: its flags)
	@deploy/client/install
	cargo run --release --locked --bin natter -- $(ARGS)

cluster: ## Runs NATS, three nodes and a balancer on http://127.0.0.1:3000 with docker compose (ARGS: --scale node=5)
	docker compose up --build --detach --wait $(ARGS)
	@echo "http://127.0.0.1:$${NATTER_PUBLISH_PORT:-3000} is the cluster; docker compose down ends it"

test: ## Installs what the tests need and runs all of them (SUITES: rust mounted clients python browser)
	@tests/install
	@tests/run $(SUITES)

cluster-test: ## Reads deploy/ and runs docker-compose.yml for real; status 77: no Docker engine could be had
	@tests/deploy/run

check: format lints docs dependencies bench-test ## What must hold besides the tests: format, lints, docs, dependencies, the benchmark itself

# The load generator and its peers are crates outside of the workspace.
format: ## Fails when a file is not formatted; `cargo fmt --all` formats
	cargo fmt --all --check
	cargo fmt --check --manifest-path tests/load/Cargo.toml
	cargo fmt --check --manifest-path tests/load/peers/socketioxide/Cargo.toml

lints: ## clippy, warnings are errors
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --all-targets --manifest-path tests/load/Cargo.toml -- -D warnings

# Of libraries only: the binary `natter` and the library `natter` would write to the same folder.
docs: ## rustdoc, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --lib --no-deps

dependencies: ## Sources, licences and versions of what the project depends on
	@.ci/audit

bench: ## Measures Natter beside socketioxide, socket.io on Node and a floor (ARGS: see tests/load/README.md)
	@tests/load/compare $(ARGS)

bench-cluster: ## Measures two nodes with NATS beside two of socket.io with Redis (ARGS: --help)
	@tests/load/compare-cluster $(ARGS)

bench-hold: ## Keeps 90,000 idle clients on six nodes for five minutes (ARGS: --help)
	@tests/load/hold $(ARGS)

bench-test: ## Tests the load generator and what makes the tables
	cargo test --locked --quiet --manifest-path tests/load/Cargo.toml
	cd tests/load && python3 -W error -m unittest discover --buffer --start-directory bench --top-level-directory .

# It needs nats-server (tests/install, or NATS_SERVER=/path), and root for the one fault that takes network namespaces.
faults: ## Kills, stops and cuts off nodes and NATS under load, counts what was lost (ARGS: see tests/faults/README.md)
	cargo build --release --locked -p testbed
	cargo run --release --locked -p natter-faults -- $(ARGS)

clean-tools: ## Removes what `make run` and `make test` installed here
	rm -rf .tools tests/clients/node_modules tests/browser/node_modules tests/deploy/node_modules tests/load/peers/node/node_modules
