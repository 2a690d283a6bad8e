#!/bin/bash
# Runs the commands that README.md and the quick start tell operators to type, one after the other as they stand there, and
# prints PASS or FAIL for each, so that neither can rot. Taken are the fenced `sh` blocks below the headings named at the
# end of this file and the rows of their tables that begin with `heddle `.
#
# README.md also quotes the demo; that it has these captions is looked up in the demo's text.
#
# The commands run in a sandbox of namespaces (network, mounts, processes) with an eth0 of its own and the system's /run
# hidden, so they touch nothing and leave nothing. Without root the sandbox needs user namespaces.
#
#   readme_check.sh            all files
#   readme_check.sh inside FILE HEADING    one, already in the sandbox
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
: "${HEDDLE_BIN:=$PWD/target/debug}"
export HEDDLE_BIN LC_ALL=C.UTF-8
PATH=$PATH:/usr/sbin:/sbin

# commands FILE HEADING: one a line, in the order of the text, those of lower headings included.
commands() {
    awk -v heading="$2" '
        /^#+ / && !block {
            level = index($0, " ")
            if ($0 ~ "^#+ " heading "$") inside = level
            else if (level <= inside) inside = 0
            next
        }
        !inside { next }
        /^```sh$/ { block = 1; next }
        /^```/ { block = 0; next }
        block && NF && $0 !~ /^#/ { print }
        /^\| `heddle / { split($0, cell, "`"); print cell[2] }' "$1"
}

# In the sandbox: an eth0 with a carrier, and a /run, /sys and /proc that show it.
furnish() {
    mount -t tmpfs tmpfs /run && mkdir -p /run/netns && mount -t sysfs sysfs /sys && ip link set lo up &&
        ip link add eth0 type veth peer name wall && ip link set eth0 up && ip link set wall up
}

inside() {
    local file=$1 heading=$2 line count=0 failures=0 log
    furnish || exit 1
    PATH=$HEDDLE_BIN:$PATH
    log=$(mktemp)
    cd "$(mktemp -d)" || exit 1
    export HEDDLE_STATE_DIR=$PWD/state
    while IFS= read -r line; do
        count=$((count + 1))
        if [[ $line != heddle* && $line != ip* && $line != tshark* && $line != sleep* && $line != kill* ]]; then
            echo "FAIL $file: '$line' is no command this check knows; make it one of heddle, ip, tshark, sleep, kill"
            failures=$((failures + 1))
        elif [[ $line == *tshark* ]] && ! command -v tshark >/dev/null; then
            echo "SKIP $file: $line: tshark is not installed"
        elif eval "${line//target\/release\//$HEDDLE_BIN\/}" </dev/null >"$log" 2>&1; then
            echo "PASS $file: $line"
        else
            echo "FAIL $file: '$line' ended with status $?: $(tr '\n\0' '  ' <"$log")"
            failures=$((failures + 1))
        fi
    done < <(commands "$OLDPWD/$file" "$heading")
    [ "$count" -gt 5 ] || { echo "FAIL $file: only $count commands found below '$heading'" && failures=1; }
    rm -rf "$PWD" "$log"
    [ $failures -eq 0 ]
}

sandbox() {
    local user=()
    [ "$(id -u)" -eq 0 ] || user=(--map-root-user)
    unshare "${user[@]}" --net --mount --pid --fork --kill-child --mount-proc -- "$@"
}

# What the sandbox has to allow, tried once.
sandbox_works() {
    sandbox bash -c "$(declare -f furnish)
        furnish && ip netns add probe && ip netns exec probe true && ip tuntap add tap0 mode tap"
}

if [ "${1:-}" = inside ]; then
    inside "$2" "$3"
    exit
fi
status=0
# README.md quotes the demo: its captions must be those of the demo.
while IFS= read -r caption; do
    if grep -qF -- "${caption%%[0-9]*}" tests/demo/{stage,show,hosts}.sh; then
        echo "PASS README.md quotes the demo: $caption"
    else
        echo "FAIL README.md quotes a caption that the demo does not have: '$caption'; take over what make demo prints"
        status=1
    fi
done < <(sed -n 's/^-- //p' README.md | grep -v ', read by ')
why=$(sandbox_works 2>&1) && usable=yes || usable=no
while read -r file heading; do
    if [ $usable = yes ]; then
        sandbox "$0" inside "$file" "$heading" || status=1
    else
        echo "SKIP $file: its commands need root, or user namespaces and /dev/net/tun: $(head -n 1 <<<"$why")"
    fi
done <<'FILES'
README.md By hand
sdk-docs/src/quick-start.md Quick start for operators
FILES
exit $status
