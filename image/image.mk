# Copyright (c) Obsyk. All rights reserved.
# Licensed under the Apache License, Version 2.0.

# The image, and what a release consists of.

.PHONY: image dist dist-chart release-check version

# The name is the one that the chart asks for, so that what is built is what a chart without values runs.
IMAGE = ghcr.io/obsyk/obsyk-operator:$(VERSION)
IMAGE_ARCH = $(or $(ARCH),$(if $(filter aarch64-%,$(HOST)),arm64,amd64))
ARCHIVE = target/image/obsyk-operator-$(IMAGE_ARCH).tar
image: release ## Build the image from it, with podman, buildah or docker (IMAGE=… ARCH=…); at most 16 MiB
	@mkdir -p target/image
	@cargo run --quiet --locked -p obsyk-roots > target/image/ca-certificates.crt
	@VERSION='$(VERSION)' REVISION='$(REVISION)' SOURCE_DATE_EPOCH="$$(git log -1 --format=%ct)" \
	  image/build.sh $(IMAGE_ARCH) '$(OPERATOR)' target/image/ca-certificates.crt '$(IMAGE)' '$(ARCHIVE)'

dist: ## Build binaries and images of both architectures twice, and show that they are the same (into dist/; ARCHES=…)
	@image/dist.sh

dist-chart: | $(HELM)
	@mkdir -p dist
	'$(HELM)' package charts/obsyk-operator --destination dist
	@image/notes.sh '$(VERSION)' > dist/notes.md

# A tag, the version in Cargo.toml, those in the chart and the manifests, and a section of the changelog go together, or nothing
# is released.
release-check:
	@[ '$(TAG)' = 'v$(VERSION)' ] || { echo "the tag is '$(TAG)', and Cargo.toml says $(VERSION)"; exit 1; }
	@for field in version appVersion; do \
	  grep -qxE "$$field: \"?$(VERSION)\"?" charts/obsyk-operator/Chart.yaml || \
	    { echo "charts/obsyk-operator/Chart.yaml: $$field is not $(VERSION)"; exit 1; }; \
	done
	@for file in charts/obsyk-operator/Chart.yaml manifests/manager/deployment.yaml; do \
	  grep -qE "image: ghcr.io/obsyk/obsyk-operator:$(VERSION)\"?$$" $$file || \
	    { echo "$$file: the image is not that of $(VERSION)"; exit 1; }; \
	done
	@grep -qx '  artifacthub.io/prerelease: "$(if $(findstring -,$(VERSION)),true,false)"' charts/obsyk-operator/Chart.yaml || \
	  { echo "charts/obsyk-operator/Chart.yaml: artifacthub.io/prerelease doesn't fit $(VERSION)"; exit 1; }
	@image/notes.sh '$(VERSION)' > /dev/null

version:
	@echo '$(VERSION)'
