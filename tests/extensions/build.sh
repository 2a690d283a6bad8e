#!/bin/bash
# Builds the test extensions into OUTDIR, each under the name of its behaviour: drop-every-nth.so, c-inject.so, ….
# usage: tests/extensions/build.sh OUTDIR [--rust-only|--c-only]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
[ $# -ge 1 ] || { echo "usage: $0 OUTDIR [--rust-only|--c-only]" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
what=${2:-all}
flags=(-std=c11 -O2 -g1 -shared -fPIC -fvisibility=hidden -Wall -Wextra -Wpedantic -Werror -Wl,-z,defs)

# A file that a daemon may have mapped is replaced, never written into.
put() { install -m 755 "$1" "$2.new" && mv -f "$2.new" "$2"; }

if [ "$what" != --rust-only ]; then
    for source in "$here"/c/*.c; do
        name=$(basename "$source" .c)
        "${CC:-gcc}" "${flags[@]}" -I "$root/extension-api/include" -o "$out/$name.so.new" "$source"
        mv -f "$out/$name.so.new" "$out/$name.so"
    done
fi
if [ "$what" != --c-only ]; then
    names=()
    packages=(-p heddle-passthrough)
    for manifest in "$here"/*/Cargo.toml; do
        names+=("$(basename "$(dirname "$manifest")")")
        packages+=(-p "heddle-test-${names[-1]}")
    done
    (cd "$root" && "${CARGO:-cargo}" build --quiet --release "${packages[@]}")
    built=${CARGO_TARGET_DIR:-$root/target}/release
    put "$built/libheddle_passthrough.so" "$out/passthrough.so"
    for name in "${names[@]}"; do
        put "$built/libheddle_test_${name//-/_}.so" "$out/$name.so"
    done
fi
