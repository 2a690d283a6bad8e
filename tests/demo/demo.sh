#!/bin/bash
# The demo behind `make demo`, and a test: its status is 0 only when every step did what it should.
#
#   demo.sh [--memory]
#
# With root: three hosts in network namespaces on one switch. Without, or with --memory: memory ports. The binaries and the
# extensions are those in $HEDDLE_BIN. Everything it makes it takes away again, whatever happens.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
: "${HEDDLE_BIN:=$PWD/target/release}"
export LC_ALL=C.UTF-8
PATH=$PATH:/usr/sbin:/sbin
SECONDS=0

. tests/demo/stage.sh
. tests/demo/show.sh

for file in heddled heddle libheddle_passthrough.so libheddle_sflow.so; do
    [ -e "$HEDDLE_BIN/$file" ] || { echo "demo: $HEDDLE_BIN/$file is not there; type make demo, which builds it" >&2 && exit 1; }
done
HEDDLE_BIN=$(cd "$HEDDLE_BIN" && pwd)
set_up
. tests/demo/hosts.sh
if [ "${1:-}" = --memory ]; then
    . tests/demo/memory.sh
elif [ "$(id -u)" -ne 0 ]; then
    skipped "the demo with hosts in network namespaces" "it needs root: sudo make demo"
    . tests/demo/memory.sh
elif ! can_make_hosts; then
    skipped "the demo with hosts in network namespaces" "this root may not make them: $(head -n 1 "$WORK/refusal")"
    . tests/demo/memory.sh
fi
run_demo
