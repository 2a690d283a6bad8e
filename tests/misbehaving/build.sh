#!/bin/bash
# Builds the misbehaving extensions into OUTDIR: NAME.so breaks the rule of the conformance case NAME and no other.
# usage: tests/misbehaving/build.sh OUTDIR
#
# A line `/* cflags: … */` of a source adds to the compiler's arguments.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -eq 1 ] || { echo "usage: $0 OUTDIR" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
rm -f "$out"/*.so
export here out

compile() {
    local name own
    name=$(basename "$1" .c)
    own=$(sed -n 's|^/\* cflags: \(.*\) \*/$|\1|p' "$1")
    # shellcheck disable=SC2086 # a list of arguments
    "${CC:-gcc}" -std=gnu11 -O1 -shared -fPIC -fvisibility=hidden -Wall -Wextra -Werror -Wno-unused-function \
        -Wno-unused-label -Wno-unused-variable -DNAME="\"$name\"" -I "$here/../../extension-api/include" -I "$here" \
        -Wl,-z,defs -o "$out/$name.so" "$1" $own
}
export -f compile
printf '%s\0' "$here"/*.c | xargs -0 -n 1 -P "$(nproc)" bash -c 'compile "$1"' compile
