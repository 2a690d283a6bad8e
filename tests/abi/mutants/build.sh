#!/bin/bash
# Builds the mutants into OUTDIR: extensions that a host must refuse, and two that it must load.
# usage: tests/abi/mutants/build.sh OUTDIR
#
# expected.txt says for each file what the one-line refusal must contain, or LOADS. A mutant without a line there, or a
# line without a mutant, is an error.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
include=$(cd "$here/../../../extension-api/include" && pwd)
[ $# -eq 1 ] || { echo "usage: $0 OUTDIR" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
rm -f "$out"/*.so
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# compile NAME INCLUDE [-Dx=y...]
compile() {
    local name=$1 headers=$2
    shift 2
    "${CC:-gcc}" -std=c11 -O1 -shared -fPIC -fvisibility=hidden -Wall -Werror -Wno-unused-function -Wl,-z,defs \
        "$@" -I "$headers" -o "$out/$name.so" "$here/base.c"
}

compile good "$include"
compile missing-entry "$include" -DMUTANT_NO_ENTRY
compile missing-create "$include" -DMUTANT_NO_CREATE
compile struct-size-8 "$include" -DMUTANT_STRUCT_SIZE=8
compile struct-size-huge "$include" -DMUTANT_STRUCT_SIZE=100000
compile id-with-slash "$include" '-DMUTANT_ID="org/../../etc"'
printf 'int nothing;\n' | "${CC:-gcc}" -shared -fPIC -o "$out/missing-meta.so" -xc -
printf 'int used(void);\nint call(void) { return used(); }\n' >"$scratch/undefined.c"
"${CC:-gcc}" -std=c11 -shared -fPIC -fvisibility=hidden -I "$include" -o "$out/undefined-symbol.so" "$here/base.c" \
    "$scratch/undefined.c"
"${CC:-gcc}" -c -fPIC -std=c11 -I "$include" -o "$out/object-file.so" "$here/base.c"

for rule in batch-appended batch-appended-newer batch-prepended batch-reordered batch-type-changed packet-appended \
    function-changed constant-changed abi-major-2 host-minor-99; do
    mkdir "$scratch/$rule"
    python3 "$here/mutate.py" header "$rule" "$include/heddle_extension.h" "$scratch/$rule/heddle_extension.h"
    compile "$rule" "$scratch/$rule"
done
for rule in bad-magic record-size big-endian-record unknown-role unknown-capability empty-id name-not-utf8 \
    layout-rows-huge wrong-architecture big-endian elf-32-bit not-shared truncated-header truncated \
    section-table-outside entry-symbol-short meta-symbol-short empty not-elf; do
    python3 "$here/mutate.py" binary "$rule" "$out/good.so" "$out/$rule.so"
done

diff <(cd "$out" && printf '%s\n' *.so | sort) \
    <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/expected.txt" | awk '{print $1}' | sort) || {
    echo "$0: expected.txt and the mutants differ (< built, > listed)" >&2
    exit 1
}
