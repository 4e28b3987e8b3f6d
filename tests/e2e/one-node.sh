#!/usr/bin/env bash
# Copyright (c) Obsyk. All rights reserved.
# Licensed under the Apache License, Version 2.0.

# one-node.sh FOLDER: brings up the cluster whose scripts (build.sh, up.sh, image.sh, down.sh) are in FOLDER, runs `make e2e` on
# it, and takes it down, however that went. It needs root: a kubelet runs here.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

scripts=$(cd "$1" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/obsyk-testkit

# An image is built here, where nothing may be mounted, from scratch: it needs no more than these.
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs} BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}
if ! command -v podman buildah >/dev/null; then
  apt-get install -y --no-install-recommends buildah >/dev/null 2>&1 || {
    apt-get update >/dev/null
    apt-get install -y --no-install-recommends buildah >/dev/null
  }
fi

# What takes minutes comes first: a cluster that has to share the machine with a compiler is no usual one.
make --no-print-directory image

# The control plane is the one that the tests use; what the node needs beside it is kept with it.
cargo build --quiet --locked -p obsyk-testkit --bin obsyk-controlplane
KUBEBUILDER_ASSETS=$(target/debug/obsyk-controlplane)
NODE_BIN=$cache/node-$(sha256sum <"$scripts/build.sh" | cut -c1-16)/bin
export KUBEBUILDER_ASSETS NODE_BIN
"$scripts/build.sh"

# Not below the checkout: the paths of sockets have a short limit.
folder=$(mktemp -d /tmp/obsyk-node.XXXXXX)
# One that was refused, because another such cluster runs here, has nothing of its own to take down: the names are the other's.
down() {
  if grep -qs '^LOCK=' "$folder/env"; then "$scripts/down.sh" "$folder"; else rm -rf "$folder"; fi
}
trap down EXIT
"$scripts/up.sh" "$folder"

# The address of this machine on the bridge that pods hang on.
E2E_PLATFORM_HOST=$(sed -n 's/^HOST=//p' "$folder/env")
export E2E_PLATFORM_HOST
export E2E_LOAD="'$scripts/image.sh' '$folder' \"\$IMAGE\" \"\$ARCHIVE\""
export KUBECONFIG=$folder/kubeconfig
make --no-print-directory e2e
