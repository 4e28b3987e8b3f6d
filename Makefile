# Copyright (c) Obsyk. All rights reserved.
# Licensed under the Apache License, Version 2.0.

# The one door: people and CI run the same targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo run test test-oldest coverage check fmt-check clippy generated deny lint-chart lint-workflows release bench sim
.PHONY: mutants patches soak manifests fmt clean

# One build serves bench, soak, image and e2e: static, so that it runs in an empty image, and without a path of the machine
# that built it, so that two builds of one commit are the same.
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
TARGET.amd64 := x86_64-unknown-linux-gnu
TARGET.arm64 := aarch64-unknown-linux-gnu
TARGET := $(if $(ARCH),$(TARGET.$(ARCH)),$(HOST))
OPERATOR = target/$(TARGET)/release/obsyk-operator
VERSION = $(shell sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
REVISION = $(shell git rev-parse HEAD 2>/dev/null)$(shell git diff --quiet HEAD 2>/dev/null || echo -dirty)
REMAP = $(CURDIR)=/obsyk-operator $(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo

# Tools that the checks need are installed once, here, and outlive `make clean` and a new clone.
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/obsyk-testkit/tools
CARGO_DENY_VERSION := 0.20.2
CARGO_AUDITABLE_VERSION := 0.7.7
CARGO_LLVM_COV_VERSION := 0.9.1
AUDITABLE := $(TOOLS)/cargo-auditable-$(CARGO_AUDITABLE_VERSION)/bin
LLVM_COV := $(TOOLS)/cargo-llvm-cov-$(CARGO_LLVM_COV_VERSION)/bin
# Those of Go and Python are of the versions that a committed file pins with their hashes; a folder is named after that file.
pinned = $(TOOLS)/$(1)-$(shell cat $(2) | sha256sum | cut -c1-16)
WORKFLOW_PINS := $(addprefix tests/workflows/,tools/go.mod tools/go.sum requirements.txt)
WORKFLOW_TOOLS := $(call pinned,workflows,$(WORKFLOW_PINS))
OLDEST := $(call pinned,kubernetes-oldest,tests/kit/go/oldest/go.mod tests/kit/go/oldest/go.sum)
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
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Run the main job on a cluster of its own (or: make demo KUBECONFIG=…)
	@cargo build --locked -p obsyk-operator -p obsyk-testkit --bin obsyk-operator --bin obsyk-demo
	@env $(DEMO_ENV) cargo run --quiet --locked -p obsyk-testkit --bin obsyk-demo

run: ## Run the operator against the current kubeconfig context (ARGS=… for flags)
	cargo run --locked --bin obsyk-operator -- run $(ARGS)

test: ## Run all tests, those against a real API server and 1,200 simulated seeds among them
	cargo test --workspace --exclude obsyk-sim --locked
	cargo test $(SIM)
	$(MAKE) --no-print-directory sim ARGS='--seeds 1200 --least 25'
	$(MAKE) --no-print-directory sim ARGS=known-red

# The kit builds the newest control plane; the oldest that is supported lies beside it.
OLDEST_VERSION = $(shell sed -n 's#^\tk8s.io/kubernetes ##p' tests/kit/go/oldest/go.mod)
oldest = v=$(OLDEST_VERSION); x=k8s.io/component-base/version.git; minor=$${v\#v1.}; \
	flags="-s -w -X $${x}Version=$$v -X $${x}Major=1 -X $${x}Minor=$${minor%%.*}"
$(OLDEST):
	@echo 'building Kubernetes $(OLDEST_VERSION), once, into $@: some minutes'
	@rm -rf '$@.partial'; mkdir -p '$@.partial'; cd tests/kit/go/oldest; $(oldest); \
	for program in kube-apiserver kube-controller-manager kube-scheduler; do \
	  $(go_build) -ldflags "$$flags" -o '$@.partial/'$$program k8s.io/kubernetes/cmd/$$program; \
	done; \
	$(go_build) -ldflags '-s -w' -o '$@.partial/etcd' go.etcd.io/etcd/server/v3; \
	mv '$@.partial' '$@'

test-oldest: | $(OLDEST) ## Run the tests against the oldest Kubernetes that is supported
	KUBEBUILDER_ASSETS='$(OLDEST)' cargo test --locked -p obsyk-operator

coverage: | $(LLVM_COV) ## Measure which lines the tests reach (needs rustup component add llvm-tools); target/coverage/
	@mkdir -p target/coverage
	@export PATH='$(LLVM_COV)':"$$PATH"; set -x; \
	cargo llvm-cov --no-report --workspace --exclude obsyk-sim --locked; \
	cargo llvm-cov report --lcov --output-path target/coverage/lcov.info; \
	cargo llvm-cov report --summary-only | tee target/coverage/summary.txt

$(LLVM_COV):
	cargo install --locked --root '$(@D)' cargo-llvm-cov@$(CARGO_LLVM_COV_VERSION)

# The simulation runs the actors as they ship, with optimisation and overflow checks.
SEEDS := 10000
SIM := --profile sim --locked -p obsyk-sim
sim: ## Simulate SEEDS=10000 clusters, faults and platforms, and check that nothing is lost (ARGS='replay …' for one seed)
	@cargo build $(SIM)
	@target/sim/obsyk-sim $(if $(ARGS),$(ARGS),--seeds $(SEEDS))

mutants: ## Plant each bug that the simulation must find, and print in how many seeds it is found
	@cargo build $(SIM)
	@target/sim/obsyk-sim mutants
	@tests/sim/mutants.sh run

check: fmt-check clippy patches generated deny lint-workflows ## Format, lints, generated files, architecture, dependencies, workflows

fmt-check:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets --locked -- -D warnings

# All patches with planted bugs, in one build: none may rot.
patches:
	tests/sim/mutants.sh check

generated:
	cargo test --quiet --locked -p obsyk-operator --test manifests --test architecture --test chart_files --test docs
	cargo test --quiet --locked -p obsyk-domain -p obsyk-actors --lib in_step
	cargo test --quiet --locked -p obsyk-operator --bin obsyk-operator in_step

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

lint-workflows: | $(WORKFLOW_TOOLS) ## Lint the workflows and the shell scripts
	@'$(WORKFLOW_TOOLS)/bin/actionlint' -shellcheck '$(WORKFLOW_TOOLS)/bin/shellcheck' -pyflakes ''
	@'$(WORKFLOW_TOOLS)/bin/zizmor' --quiet --offline --persona=pedantic --config=.github/zizmor.yml .github
	@'$(WORKFLOW_TOOLS)/bin/shellcheck' .ci/run image/*.sh tests/e2e/*.sh tests/sim/*.sh

$(WORKFLOW_TOOLS):
	@echo 'installing actionlint, zizmor and shellcheck, once, into $@'
	@rm -rf '$@.partial'; python3 -m venv '$@.partial'
	@'$@.partial/bin/pip' install --quiet --disable-pip-version-check --require-hashes --only-binary :all: --no-deps \
	  -r tests/workflows/requirements.txt
	@cd tests/workflows/tools; $(go_build) -o '$@.partial/bin/actionlint' github.com/rhysd/actionlint/cmd/actionlint
	@mv '$@.partial' '$@'

# cargo-auditable puts the list of crates into the program, a few kilobytes: without it no scanner could say what is in an image
# that has nothing else. It passes all else on to cargo. gcc's name for an architecture is the linker of another one.
linker.aarch64-unknown-linux-gnu := aarch64-linux-gnu-gcc
linker.x86_64-unknown-linux-gnu := x86_64-linux-gnu-gcc
LINKER = $(if $(filter-out $(HOST),$(TARGET)),$(linker.$(TARGET)))
upper = $(shell echo '$(1)' | tr 'a-z-' 'A-Z_')
release: | $(AUDITABLE) ## Build the release binary: static, and the same from the same commit (ARCH=amd64 or arm64 for another)
	PATH='$(AUDITABLE)':"$$PATH" OBSYK_REVISION='$(REVISION)' \
	CFLAGS='$(addprefix -ffile-prefix-map=,$(REMAP))' \
	RUSTFLAGS='-C target-feature=+crt-static $(addprefix --remap-path-prefix=,$(REMAP))' \
	$(if $(LINKER),CARGO_TARGET_$(call upper,$(TARGET))_LINKER='$(LINKER)') \
	cargo auditable build --release --locked -p obsyk-operator --target $(TARGET)

$(AUDITABLE):
	cargo install --locked --root '$(@D)' cargo-auditable@$(CARGO_AUDITABLE_VERSION)

bench: release ## Measure the release build at 10,000 pods and print the table (ARGS=… for others)
	cargo build --profile tools --locked -p obsyk-testkit --bins
	target/tools/obsyk-bench --operator $(OPERATOR) $(ARGS)

MINUTES := 20
soak: release ## Break everything around the operator for MINUTES=20, and check that nothing is lost (SEED=… ROUND=… ARGS=…)
	cargo build --profile tools --locked -p obsyk-testkit --bins
	target/tools/obsyk-soak --operator $(OPERATOR) --minutes $(MINUTES) \
	  $(if $(SEED),--seed $(SEED)) $(if $(ROUND),--round $(ROUND)) $(ARGS)

include image/image.mk
include tests/e2e/e2e.mk

manifests: ## Write the generated files in manifests/, charts/ and docs/
	UPDATE_MANIFESTS=1 cargo test --quiet --locked -p obsyk-operator --test manifests --test chart_files in_step
	UPDATE_MANIFESTS=1 cargo test --quiet --locked -p obsyk-domain -p obsyk-actors --lib in_step
	UPDATE_MANIFESTS=1 cargo test --quiet --locked -p obsyk-operator --bin obsyk-operator in_step

fmt: ## Format the source
	cargo fmt --all

clean: ## Remove what was built (the cache of tools and control planes stays)
	cargo clean
