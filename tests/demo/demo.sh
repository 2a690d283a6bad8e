#!/bin/bash
# The demo behind `make demo`, and a test: its status is 0 only when every step did what it should.
#
#   demo.sh [--memory]
#
# With root: three hosts in network namespaces on one switch. Without, or with --memory: memory ports. The binaries and the
# extensions are those in $HEDDLE_BIN; in an installed package, where this file lies in /usr/lib/heddle/demo, those of the
# package. Everything it makes it takes away again, whatever happens.
set -u
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) || exit 1
export LC_ALL=C.UTF-8
PATH=$PATH:/usr/sbin:/sbin
SECONDS=0

. "$HERE/stage.sh"
. "$HERE/show.sh"

HEDDLE=/usr/bin/heddle
HEDDLED=/usr/sbin/heddled
EXTENSIONS=/usr/lib/heddle/extensions
if [ "$HERE" != /usr/lib/heddle/demo ]; then
    : "${HEDDLE_BIN:=$HERE/../../target/release}"
    EXTENSIONS=$(cd "$HEDDLE_BIN" && pwd) || exit 1
    HEDDLE=$EXTENSIONS/heddle
    HEDDLED=$EXTENSIONS/heddled
fi
for file in "$HEDDLED" "$HEDDLE" "$EXTENSIONS/libheddle_passthrough.so" "$EXTENSIONS/libheddle_sflow.so"; do
    [ -e "$file" ] || { echo "demo: $file is not there; type make demo, which builds it" >&2 && exit 1; }
done
set_up
. "$HERE/hosts.sh"
if [ "${1:-}" = --memory ]; then
    . "$HERE/memory.sh"
elif [ "$(id -u)" -ne 0 ]; then
    skipped "the demo with hosts in network namespaces" "it needs root: sudo make demo"
    . "$HERE/memory.sh"
elif ! can_make_hosts; then
    skipped "the demo with hosts in network namespaces" "this root may not make them: $(head -n 1 "$WORK/refusal")"
    . "$HERE/memory.sh"
fi
run_demo
