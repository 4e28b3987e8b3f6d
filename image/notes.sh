#!/usr/bin/env bash
# Copyright (c) Obsyk. All rights reserved.
# Licensed under the Apache License, Version 2.0.

# notes.sh VERSION: what CHANGELOG.md says of a version, as the notes of its release.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ $# -eq 1 ] || {
  echo 'usage: notes.sh VERSION' >&2
  exit 2
}
notes=$(awk -v head="## [$1]" '
  /^## \[/ || /^\[.*\]: / { inside = index($0, head) == 1; next }
  inside { print }
' CHANGELOG.md)
[ -n "${notes//[[:space:]]/}" ] || {
  echo "CHANGELOG.md has no section '## [$1]' with anything in it: move there what is under Unreleased" >&2
  exit 1
}
printf '%s\n' "$notes"
