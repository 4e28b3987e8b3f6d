#!/usr/bin/env bash
# Copyright (c) Obsyk. All rights reserved.
# Licensed under the Apache License, Version 2.0.

# dist.sh: builds the binaries and images of the commit that is checked out twice, in two clones at places of their own, and
# puts them into dist/ if both times the same came out. ARCHES="amd64 arm64" says of which architectures.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
  printf 'make dist: %s\n' "$*" >&2
  exit 1
}

read -ra arches <<<"${ARCHES:-amd64 arm64}"
[ -z "$(git status --porcelain)" ] || fail "there are changes that are not committed: what is built is a commit"
commit=$(git rev-parse HEAD)
version=$(make --silent version)

# Paths of different lengths: what holds one of them differs between the two.
places=(target/dist/one "target/dist/another-place")
for place in "${places[@]}"; do
  rm -rf "$place"
  git clone --quiet --no-checkout . "$place"
  git -C "$place" checkout --quiet --detach "$commit"
  for arch in "${arches[@]}"; do
    env -u CARGO_TARGET_DIR make --no-print-directory -C "$place" image ARCH="$arch"
  done
done

rm -rf dist
mkdir dist
for arch in "${arches[@]}"; do
  case $arch in
    amd64) target=x86_64-unknown-linux-gnu ;;
    arm64) target=aarch64-unknown-linux-gnu ;;
    *) fail "$arch is none of the architectures that are released" ;;
  esac
  binary=target/$target/release/obsyk-operator
  image=target/image/obsyk-operator-$arch.tar
  cmp "${places[0]}/$binary" "${places[1]}/$binary" || fail "two builds of one commit differ: the binary for $arch"
  cmp "${places[0]}/$image.digest" "${places[1]}/$image.digest" || fail "two builds of one commit differ: the image for $arch"
  name=obsyk-operator-$version
  cp "${places[0]}/$binary" "dist/$name-linux-$arch"
  cp "${places[0]}/$image" "dist/$name-image-$arch.tar"
  cp "${places[0]}/$image.digest" "dist/$name-image-$arch.tar.digest"
done
(cd dist && sha256sum -- *-linux-* | tee SHA256SUMS)
grep -H . dist/*.digest
printf 'two builds of %s are identical: %s\n' "$commit" "${arches[*]}"
