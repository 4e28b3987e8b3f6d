# Copyright (c) Obsyk. All rights reserved.
# Licensed under the Apache License, Version 2.0.

# The one door: people and CI run the same targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo run test check fmt-check clippy generated deny lint-chart release bench sim mutants soak manifests fmt clean

# One build serves bench, soak, image and e2e: static, so that it runs in an empty image, and without a path of the machine
# that built it, so that two builds of one commit are the same.
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
TARGET := $(HOST)
OPERATOR = target/$(TARGET)/release/obsyk-operator
REVISION = $(shell git rev-parse HEAD 2>/dev/null)$(shell git diff --quiet HEAD 2>/dev/null || echo -dirty)
REMAP = $(CURDIR)=/obsyk-operator $(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo

# Tools that the checks need are installed once, here, and outlive `make clean` and a new clone.
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/obsyk-testkit/tools
CARGO_DENY_VERSION := 0.20.2
# Those of Go and Python are of the versions that a committed file pins with their hashes; a folder is named after that file.
pinned = $(TOOLS)/$(1)-$(shell cat $(2) | sha256sum | cut -c1-16)
CHART_LINT := tests/chart_lint
go_build = GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=0 go build -mod=readonly -trimpath

# The demo makes its own cluster unless KUBECONFIG is given to make itself: one that merely stands in the environment may
# belong to something that nobody wants to try things on.
ifeq ($(origin KUBECONFIG),command line)
DEMO_ENV := KUBECONFIG='$(KUBECONFIG)'
else
DEMO_ENV := -u KUBECONFIG
endif

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Run the main job on a cluster of its own (or: make demo KUBECONFIG=…)
	@cargo build --locked -p obsyk-operator -p obsyk-testkit --bin obsyk-operator --bin obsyk-demo
	@env $(DEMO_ENV) cargo run --quiet --locked -p obsyk-testkit --bin obsyk-demo

run: ## Run the operator against the current kubeconfig context (ARGS=… for flags)
	cargo run --locked --bin obsyk-operator -- run $(ARGS)

test: ## Run all tests, those against a real API server and 2,000 simulated seeds among them
	cargo test --workspace --locked
	cargo test --profile sim --locked -p obsyk-sim --features sim
	$(MAKE) --no-print-directory sim SEEDS=2000

# The simulation has bugs to plant: the feature that has them is turned on here and nowhere else.
SEEDS := 10000
SIM := --profile sim --locked -p obsyk-sim --features sim
sim: ## Simulate SEEDS=10000 clusters, faults and platforms, and check that nothing is lost (ARGS='replay …' for one seed)
	@cargo build $(SIM)
	@target/sim/obsyk-sim $(if $(ARGS),$(ARGS),--seeds $(SEEDS))

mutants: ## Plant each bug that the simulation must find, and say in how many seeds it is found
	@cargo build $(SIM)
	@target/sim/obsyk-sim mutants

check: fmt-check clippy generated deny ## Format, lints, generated files, architecture, dependencies

fmt-check:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy --all-targets --locked -p obsyk-sim --features sim -- -D warnings

generated:
	cargo test --quiet --locked -p obsyk-operator --test manifests --test architecture --test chart_files

# The database of advisories lives on the network. Where it can be reached, a vulnerable dependency fails the check; where it
# can't, that is said, and REQUIRE_ADVISORIES=1 makes it a failure.
deny:
	@deny="$$(command -v cargo-deny || true)"; \
	if [ -z "$$deny" ]; then \
	  deny='$(TOOLS)/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny'; \
	  if [ ! -x "$$deny" ]; then \
	    echo 'installing cargo-deny $(CARGO_DENY_VERSION), once, into $(TOOLS): some minutes'; \
	    cargo install --locked --root '$(TOOLS)/cargo-deny-$(CARGO_DENY_VERSION)' cargo-deny@$(CARGO_DENY_VERSION); \
	  fi; \
	fi; \
	"$$deny" --locked --workspace check --hide-inclusion-graph bans licenses sources; \
	limit="$$(command -v timeout || true)"; \
	if GIT_TERMINAL_PROMPT=0 $${limit:+$$limit 120} "$$deny" --locked --workspace fetch db >/dev/null 2>&1; then \
	  "$$deny" --locked --workspace check --disable-fetch advisories; \
	elif [ "$${REQUIRE_ADVISORIES:-0}" = 1 ]; then \
	  echo 'advisories: the database cannot be reached, and REQUIRE_ADVISORIES=1'; exit 1; \
	else \
	  echo 'advisories: NOT CHECKED, the database cannot be reached from here'; \
	fi

lint-chart: ## Lint the chart and the manifests, and check what they render against what Kubernetes knows
	cargo test --locked -p obsyk-operator --test chart_files --test chart_lint

include $(CHART_LINT)/tools.mk

release: ## Build the release binary: static, and the same from the same commit (TARGET=… for another architecture)
	OBSYK_REVISION='$(REVISION)' \
	CFLAGS='$(addprefix -ffile-prefix-map=,$(REMAP))' \
	RUSTFLAGS='-C target-feature=+crt-static $(addprefix --remap-path-prefix=,$(REMAP))' \
	cargo build --release --locked -p obsyk-operator --target $(TARGET)

bench: release ## Measure the release build at 10,000 pods and print the table (ARGS=… for others)
	cargo build --profile tools --locked -p obsyk-testkit --bins
	target/tools/obsyk-bench --operator $(OPERATOR) $(ARGS)

MINUTES := 20
soak: release ## Break everything around the operator for MINUTES=20, and check that nothing is lost (SEED=… ROUND=… ARGS=…)
	cargo build --profile tools --locked -p obsyk-testkit --bins
	target/tools/obsyk-soak --operator $(OPERATOR) --minutes $(MINUTES) \
	  $(if $(SEED),--seed $(SEED)) $(if $(ROUND),--round $(ROUND)) $(ARGS)

manifests: ## Write the generated files in manifests/ and charts/
	UPDATE_MANIFESTS=1 cargo test --quiet --locked -p obsyk-operator --test manifests --test chart_files in_step

fmt: ## Format the source
	cargo fmt --all

clean: ## Remove what was built (the cache of tools and control planes stays)
	cargo clean
