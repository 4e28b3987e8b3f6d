# Copyright (c) Obsyk. All rights reserved.
# Licensed under the Apache License, Version 2.0.

# What users get, on a cluster whose nodes run pods.

.PHONY: e2e e2e-kind e2e-kind-down

E2E_TOOLS := $(call pinned,e2e,tests/e2e/tools/go.mod tests/e2e/tools/go.sum)
# On the cluster at KUBECONFIG. E2E_LOAD says how an image reaches its nodes; README.md has it and the others.
HELM4 := $(E2E_TOOLS)/helm
KIND := $(E2E_TOOLS)/kind
e2e: override IMAGE = ghcr.io/obsyk/obsyk-operator:$(VERSION)
e2e: image | $(HELM) $(HELM4) ## Install image and chart on the cluster at KUBECONFIG, and look at all that they promise
	@cargo build --locked -p obsyk-testkit --bin obsyk-e2e
	@target/debug/obsyk-e2e --operator '$(OPERATOR)' --image '$(IMAGE)' --archive '$(ARCHIVE)' --chart charts/obsyk-operator \
	  --helm '$(HELM)' --helm4 '$(HELM4)'

e2e-kind: | $(KIND) ## The same on a cluster of Kind that is made for it, and deleted afterwards (needs Docker)
	@tests/e2e/kind.sh '$(KIND)'

e2e-kind-down: | $(KIND)
	@tests/e2e/kind.sh '$(KIND)' down

# Each by itself: not everybody needs both. Moved to its place when it is whole.
e2e_package.helm := helm.sh/helm/v4/cmd/helm
e2e_package.kind := sigs.k8s.io/kind
$(HELM4) $(KIND): $(E2E_TOOLS)/%:
	@echo 'building $* for make e2e, once, into $(E2E_TOOLS): a minute or two'
	@mkdir -p '$(E2E_TOOLS)'; cd tests/e2e/tools; \
	$(go_build) -ldflags '-s -w' -o '$@.partial' $(e2e_package.$*); mv '$@.partial' '$@'
