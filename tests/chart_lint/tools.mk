# Copyright (c) Obsyk. All rights reserved.
# Licensed under the Apache License, Version 2.0.

# The tools of the chart. `make tool-helm` prints where Helm is, and builds it first if it has to: the tests ask so, too. Two
# that build one tool at a time are not in each other's way: what is built is moved to its place when it is whole.
CHART_TOOLS := $(call pinned,chart,$(wildcard $(addprefix $(CHART_LINT)/tools/,go.mod go.sum kube-score/go.mod kube-score/go.sum)))
HELM := $(CHART_TOOLS)/helm
go_package.helm := helm.sh/helm/v3/cmd/helm
go_package.helm-docs := github.com/norwoodj/helm-docs/cmd/helm-docs
go_package.helm-unittest := github.com/helm-unittest/helm-unittest/cmd/helm-unittest
go_package.kubeconform := github.com/yannh/kubeconform/cmd/kubeconform
go_package.kustomize := sigs.k8s.io/kustomize/kustomize/v5
go_package.kube-score := github.com/zegl/kube-score/cmd/kube-score
go_module.kube-score := /kube-score
# As Helm's own build has it: its version, and the Kubernetes that a template without a cluster is rendered for.
go_flags = v=$$(sed -n 's|.*helm.sh/helm/v3 v|v|p' go.mod | cut -d' ' -f1); \
	k=$$(sed -n 's|.*k8s.io/client-go v0\.\([0-9]*\)\..*|\1|p' go.mod); h=helm.sh/helm/v3; \
	flags="-s -w -X $$h/internal/version.version=$$v"; \
	for p in pkg/lint/rules pkg/chartutil; do flags="$$flags -X $$h/$$p.k8sVersionMajor=1 -X $$h/$$p.k8sVersionMinor=$$k"; done
$(addprefix $(CHART_TOOLS)/,helm helm-docs helm-unittest kubeconform kustomize kube-score): $(CHART_TOOLS)/%:
	@echo 'building $*, once, into $(CHART_TOOLS): a minute or two' >&2
	@mkdir -p '$(CHART_TOOLS)'; cd '$(CHART_LINT)/tools$(go_module.$*)'; $(go_flags); \
	$(go_build) -ldflags "$$flags" -o '$@.partial-'$$$$ $(go_package.$*); mv '$@.partial-'$$$$ '$@'

tool-%: $(CHART_TOOLS)/%
	@echo '$<'

# What pip puts there can't be moved when its programs name their place, so they are run as modules: PYTHONPATH=… python3 -m yamllint
CHART_PYTHON = $(TOOLS)/chart-python-$(shell { cat $(CHART_LINT)/requirements.txt; python3 -V; } | sha256sum | cut -c1-16)
tool-python:
	@if [ ! -e '$(CHART_PYTHON)' ]; then \
	  echo 'installing checkov and yamllint, once, into $(CHART_PYTHON): some minutes' >&2; \
	  mkdir -p '$(TOOLS)'; partial='$(CHART_PYTHON).partial-'$$$$; \
	  python3 -m pip install --quiet --disable-pip-version-check --no-warn-conflicts --root-user-action=ignore --require-hashes --only-binary :all: \
	    --target "$$partial" -r $(CHART_LINT)/requirements.txt >&2; \
	  if [ -e '$(CHART_PYTHON)' ]; then rm -rf "$$partial"; else mv "$$partial" '$(CHART_PYTHON)'; fi; \
	fi
	@echo '$(CHART_PYTHON)'

# What Kubernetes says of its own objects, the oldest and the newest that is supported, and Prometheus Operator of its.
CHART_SCHEMAS = $(call pinned,chart-schemas,tests/kit/go/go.mod tests/kit/go/oldest/go.mod $(CHART_LINT)/tools/monitoring/go.mod)
tool-schemas:
	@if [ ! -e '$(CHART_SCHEMAS)' ]; then \
	  echo 'fetching what Kubernetes says of its objects, once, into $(CHART_SCHEMAS)' >&2; \
	  partial='$(CHART_SCHEMAS).partial-'$$$$; mkdir -p "$$partial"; \
	  of() { (cd "$$1"; export GOTOOLCHAIN=local GOWORK=off; go mod download "$$2" >&2; go list -m -f '{{.Dir}}' "$$2"); }; \
	  install -m 644 "$$(of tests/kit/go k8s.io/kubernetes)/api/openapi-spec/swagger.json" "$$partial/newest.json"; \
	  install -m 644 "$$(of tests/kit/go/oldest k8s.io/kubernetes)/api/openapi-spec/swagger.json" "$$partial/oldest.json"; \
	  crds="$$(of $(CHART_LINT)/tools/monitoring github.com/prometheus-operator/prometheus-operator)/example/prometheus-operator-crd"; \
	  install -m 644 "$$crds"/monitoring.coreos.com_{service,pod}monitors.yaml "$$partial"; \
	  if [ -e '$(CHART_SCHEMAS)' ]; then rm -rf "$$partial"; else mv "$$partial" '$(CHART_SCHEMAS)'; fi; \
	fi
	@echo '$(CHART_SCHEMAS)'
