#!/usr/bin/env bash
# Copyright (c) Obsyk. All rights reserved.
# Licensed under the Apache License, Version 2.0.

# kind.sh KIND: makes a cluster of Kind, runs `make e2e` on it, and deletes it, however that went.
# kind.sh KIND down: deletes the cluster, should one be left.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

kind=$1
name=obsyk-e2e

down() {
  "$kind" delete cluster --name "$name"
}

if [ "${2:-}" = down ]; then
  down
  exit
fi

clusters=$("$kind" get clusters)
if grep -qx "$name" <<<"$clusters"; then
  echo "there is a cluster $name of Kind already, which this would delete: make e2e-kind-down removes it" >&2
  exit 1
fi
folder=$(mktemp -d)
trap 'down; rm -rf "$folder"' EXIT
export KUBECONFIG=$folder/kubeconfig
"$kind" create cluster --name "$name" --wait 180s

# Pods reach this machine by the gateway of the network that the node is in; there may be one for IPv6, too.
gateways=$(docker network inspect kind --format '{{range .IPAM.Config}}{{println .Gateway}}{{end}}')
E2E_PLATFORM_HOST=$(grep -m 1 -x '[0-9.]\{7,\}' <<<"$gateways")
export E2E_PLATFORM_HOST
export E2E_LOAD="'$kind' load image-archive --name $name \"\$ARCHIVE\""
export E2E_NODE="docker exec -i $name-control-plane"
make --no-print-directory e2e
