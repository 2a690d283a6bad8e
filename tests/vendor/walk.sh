#!/bin/bash
# The pages for vendors as one session: in the order of the pages named below, every `sh` line is typed and every block with
# `file=PATH` is written to PATH, in an empty folder, with nothing of the checkout but what heddle brings along. Other
# blocks must be `text` or `toml`, which nobody types. Prints PASS, FAIL or SKIP for each line and file.
#
#   walk.sh            all pages
#   walk.sh --list     what would be done
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
: "${HEDDLE_BIN:=${CARGO_TARGET_DIR:-$PWD/target}/debug}"
BOOK=$PWD/sdk-docs/src
PATH=$HEDDLE_BIN:${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
export PATH LC_ALL=C.UTF-8 CARGO_NET_OFFLINE=true CARGO_TERM_COLOR=never
# What is built here is run once: no debug information, no increments.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_RELEASE_DEBUG=0
# Projects of a vendor have target folders of their own.
unset CARGO_TARGET_DIR

PAGES='vendor-quick-start how-to/capture how-to/filter how-to/forward how-to/serve how-to/policy how-to/policies keep-state how-to/test how-to/debug how-to/ship'
# Pages with blocks that are not typed here: prose, or walks of their own.
OTHERS='concepts how-to/ndis versions glossary'

# steps PAGE: "sh LINE", "file PATH NUMBER" or "odd WORDS" for each, in order.
steps() {
    awk '
        /^```/ && !block { block = 1; info = substr($0, 4); number++
            if (info ~ /file=/) { path = info; sub(/.*file=/, "", path); sub(/,.*/, "", path); print "file " path " " number }
            else if (info != "sh" && info != "text" && info != "toml") print "odd " info
            next }
        /^```/ { block = 0; next }
        block && info == "sh" && NF && $0 !~ /^#/ { print "sh " $0 }' "$BOOK/$1.md"
}

# block PAGE NUMBER: its text.
block() {
    awk -v wanted="$2" '/^```/ && !block { block = 1; number++; next } /^```/ { block = 0; next } block && number == wanted' "$BOOK/$1.md"
}

# What a line needs and this machine may lack; prints its name.
lacks() {
    local tool
    for tool in text2pcap tshark cmake heddle-conformance; do
        if [[ $1 == *$tool* ]] && ! command -v $tool >/dev/null; then echo $tool && return; fi
    done
    return 1
}

if [ "${1:-}" = --list ]; then
    for page in $PAGES; do steps "$page" | sed "s|^|$page: |"; done
    exit
fi

work=$(mktemp -d) && log=$work.log && status=0 count=0
stop() {
    [ -z "$(jobs -p)" ] || kill $(jobs -p) 2>/dev/null
    wait 2>/dev/null
    rm -rf "$work" "$log"
}
trap stop EXIT
trap 'exit 143' TERM HUP INT
cd "$work" || exit 1

fail() {
    echo "FAIL $1: $2: $(tail -c 1500 "$log" | tr '\n\0' '  ')"
    status=1
}

for page in $PAGES; do
    while read -r kind rest; do
        count=$((count + 1))
        case $kind in
        odd) fail "$page" "a block '$rest' is neither typed nor written; make it sh, text, toml or give it file=PATH" ;;
        file)
            path=${rest% *}
            if block "$page" "${rest##* }" >"$path"; then echo "PASS $page: writes $path"; else fail "$page" "cannot write $path"; fi
            ;;
        sh)
            if missing=$(lacks "$rest"); then
                echo "SKIP $page: $rest: $missing is not installed"
            elif eval "$rest" </dev/null >"$log" 2>&1; then
                echo "PASS $page: $rest"
            else
                fail "$page" "'$rest' ended with status $?"
            fi
            ;;
        esac
    done < <(steps "$page")
done
for page in $OTHERS; do
    if steps "$page" | grep -qv '^odd $'; then fail "$page" "it has lines to type; name it among PAGES of tests/vendor/walk.sh"; fi
done
[ $count -gt 60 ] || fail "walk" "only $count steps found"
exit $status
