#!/usr/bin/env bash
# Copyright (c) Obsyk. All rights reserved.
# Licensed under the Apache License, Version 2.0.

# Bugs that sit too deep for the simulation's saboteur: each is a patch in tests/sim/patches. All patches are applied to a scratch
# tree and built once; OBSYK_MUTANT selects the one that is in force. The product's tree has none of them.
#
#   mutants.sh check     applies all patches, and type-checks the tree
#   mutants.sh run       searches for the bug of each patch, and prints in how many seeds it is found

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
tree=$root/target/mutants/tree
patches=$root/tests/sim/patches

apply() {
  rm -rf "$tree"
  mkdir -p "$tree"
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    # A file that is deleted and not yet committed is still listed.
    if [ -e "$file" ]; then printf '%s\0' "$file"; fi
  done | xargs -0 cp --preserve=timestamps --parents -t "$tree"
  cd "$tree"
  local patch
  for patch in "$patches"/*.patch; do
    # A scratch tree inside a repository is a subfolder to git, which then skips the patch: GIT_DIR names no repository.
    GIT_DIR=/nonexistent git apply --whitespace=nowarn "$patch" || {
      echo "tests/sim/patches/$(basename "$patch") does not apply: adapt it to the code, or remove it with the bug's place" >&2
      return 1
    }
  done
}

case "${1:-}" in
  check)
    apply
    cargo check --quiet --locked -p obsyk-sim --target-dir "$root/target"
    ;;
  run)
    apply
    cargo build --profile sim --locked -p obsyk-sim --target-dir "$root/target/mutants"
    unfound=0
    for patch in "$patches"/*.patch; do
      name=$(basename "$patch" .patch)
      if [ "$name" = 0-planted ]; then continue; fi
      OBSYK_MUTANT=$name "$root/target/mutants/sim/obsyk-sim" patched "$name" || unfound=1
    done
    exit "$unfound"
    ;;
  *)
    echo "usage: mutants.sh check | run" >&2
    exit 2
    ;;
esac
