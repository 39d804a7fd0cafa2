#!/usr/bin/env bash
# Proof that a stranger's clone works: clones what is committed into an empty folder, with an empty home, empty caches
# and no PlatformIO packages, and runs the given make targets there (default: all test-fast), without a terminal.
# Prints the seconds of each, and checks that a second `make` does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- all test-fast

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
data=${FIELDWREN_DATA:-$(cd .. && pwd)/shared/data}
[ ! -d "$data" ] || export FIELDWREN_DATA=$data
PYTHON=$("${PYTHON:-python3}" -c 'import sys; print(sys.executable)')
export PYTHON
mkdir "$scratch/home"
git clone -q . "$scratch/fieldwren"
cd "$scratch/fieldwren"
export HOME=$scratch/home PLATFORMIO_CORE_DIR=$scratch/platformio
unset VIRTUAL_ENV PYTHONPATH PYTHONHOME XDG_CACHE_HOME XDG_CONFIG_HOME FIELDWREN_CACHE MAKEFLAGS MAKELEVEL

for target in "$@"; do
  start=$SECONDS
  make "$target" </dev/null
  echo "fresh clone: make $target took $((SECONDS - start)) s"
done

again=$(make </dev/null)
if [ "$again" != "packages: all there" ]; then
  printf 'fresh clone: a second make did something:\n%s\n' "$again" >&2
  exit 1
fi
dirty=$(git status --porcelain)
if [ -n "$dirty" ]; then
  printf 'fresh clone: the working tree is not clean afterwards:\n%s\n' "$dirty" >&2
  exit 1
fi
echo "fresh clone: a second make does nothing; the working tree is clean"
