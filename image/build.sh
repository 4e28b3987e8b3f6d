#!/usr/bin/env bash
# Copyright (c) Obsyk. All rights reserved.
# Licensed under the Apache License, Version 2.0.

# build.sh ARCH BINARY ROOTS IMAGE ARCHIVE: builds the image of one architecture (amd64, arm64) from a static binary and a PEM
# bundle, names it IMAGE, and writes it to ARCHIVE, from which any node or registry can take it.
#
#   CONTAINER_TOOL   podman, buildah or docker; by default the first of them that works here
#   VERSION, REVISION, SOURCE_DATE_EPOCH   what the labels say; all times in the image are SOURCE_DATE_EPOCH

set -euo pipefail

# The image is pulled onto every node that the operator moves to.
LIMIT=$((16 * 1024 * 1024))

fail() {
  printf 'make image: %s\n' "$*" >&2
  exit 1
}

[ $# -eq 5 ] || fail "usage: build.sh ARCH BINARY ROOTS IMAGE ARCHIVE"
arch=$1 binary=$2 roots=$3 image=$4 archive=$5
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# A client whose engine doesn't run is as good as none.
works() {
  command -v "$1" >/dev/null || return 1
  case $1 in
    docker) docker version >/dev/null 2>&1 ;;
    *) "$1" info >/dev/null 2>&1 ;;
  esac
}

tool=${CONTAINER_TOOL:-}
if [ -n "$tool" ]; then
  works "$tool" || fail "CONTAINER_TOOL=$tool doesn't work here: try '$tool info'"
else
  for tool in podman buildah docker none; do
    if [ "$tool" = none ] || works "$tool"; then break; fi
  done
fi
[ "$tool" != none ] || fail "no podman, buildah or docker works on this machine: install one of them (on Debian: apt-get install buildah)"

grep -q 'BEGIN CERTIFICATE' "$roots" || fail "$roots holds no certificate: without roots of trust no platform can be reached"

# In an empty image there is no loader, and no library for one.
case $(LC_ALL=C readelf -lh "$binary" 2>/dev/null) in
  '') fail "$binary is not there, or no Linux binary: run make release on Linux, or for Linux" ;;
  *INTERP*) fail "$binary is not static: it asks for a loader" ;;
  *X86-64*) built_for=amd64 ;;
  *AArch64*) built_for=arm64 ;;
  *) built_for=another ;;
esac
[ "$built_for" = "$arch" ] || fail "$binary is built for $built_for, the image is for $arch"
# What the label says is what --version says, also where it can't be asked.
LC_ALL=C grep -qaF "$REVISION" "$binary" || fail "$binary is not of revision $REVISION: run make release"

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
install -m 755 "$binary" "$context/obsyk-operator"
install -m 644 "$roots" "$context/ca-certificates.crt"
touch -d "@$SOURCE_DATE_EPOCH" "$context"/*

bytes=$(cat "$context"/* | wc -c)
[ "$bytes" -le "$LIMIT" ] || fail "the image would have $bytes bytes, more than $LIMIT"

created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
build=(--platform "linux/$arch" --file "$here/Containerfile" --tag "$image"
  --build-arg "CREATED=$created" --build-arg "VERSION=$VERSION" --build-arg "REVISION=$REVISION")
mkdir -p "$(dirname "$archive")"
rm -f "$archive"
case $tool in
  podman)
    # A layer from the cache would bring the time of an older commit along.
    podman build --quiet --layers=false --timestamp "$SOURCE_DATE_EPOCH" "${build[@]}" "$context" >/dev/null
    podman save --quiet --format oci-archive --output "$archive" "$image"
    ;;
  buildah)
    buildah bud --quiet --timestamp "$SOURCE_DATE_EPOCH" "${build[@]}" "$context" >/dev/null
    buildah push --quiet "$image" "oci-archive:$archive:$image"
    ;;
  docker)
    docker build --quiet "${build[@]}" "$context" >/dev/null
    docker save --output "$archive" "$image"
    ;;
esac
# Older versions of Docker write no index: then the manifest is what there is.
index=$(tar -xOf "$archive" index.json 2>/dev/null || printf 'sha256:%s' "$(tar -xOf "$archive" manifest.json | sha256sum)")
digest=$(grep -o 'sha256:[0-9a-f]\{64\}' <<<"$index" | head -n 1)
printf '%s\n' "$digest" >"$archive.digest"
printf '%s for linux/%s by %s, %d KiB of %d\n  %s\n  %s\n' \
  "$image" "$arch" "$tool" $((bytes / 1024)) $((LIMIT / 1024)) "$digest" "$archive"
