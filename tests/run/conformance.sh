#!/bin/bash
# `make conformance`: the harness judged at length. Every misbehaving extension against every case, in process and out of
# process (it fails its own case alone); then, with root and the network, the harness by itself in a bare Debian 12 and a bare
# Debian 13 (debootstrap, kept in target/tools): as another user, without a network, with nothing but the C library.
# ARGS="--no-debian" leaves the latter out.
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"
prepare conformance
tests/conformance/build || die "the harness could not be built" "the compiler's message is above"
start=$SECONDS
say "each misbehaving extension against every case"
HEDDLE_CONFORMANCE_FULL=1 cargo test --locked -p heddle-conformance --test self_check -- misbehav ||
    die "an extension does not fail its own case alone" "the names are above"
say "that took $((SECONDS - start)) s"
[ "${1:-}" != --no-debian ] || exit 0
[ "$(id -u)" -eq 0 ] || die "the bare systems are chroots" "sudo make conformance, or make conformance ARGS=--no-debian"
command -v debootstrap >/dev/null || die "debootstrap is not installed" "apt-get install debootstrap, or make conformance ARGS=--no-debian"
for suite in bookworm trixie; do
    base=$HEDDLE_TARGET/tools/$suite.tar
    if [ ! -s "$base" ]; then
        say "fetching a minimal Debian ($suite)"
        debootstrap --variant=minbase "$suite" "$HEDDLE_SCRATCH/$suite.base" >"$HEDDLE_SCRATCH/debootstrap.log" 2>&1 ||
            die "Debian ($suite) could not be fetched" "$(tail -n 3 "$HEDDLE_SCRATCH/debootstrap.log")"
        mkdir -p "$HEDDLE_TARGET/tools" && tar -C "$HEDDLE_SCRATCH/$suite.base" -cf "$base.new" . && mv "$base.new" "$base"
    fi
    root=$HEDDLE_SCRATCH/$suite
    mkdir -p "$root/judge" && tar -C "$root" -xf "$base" || die "$base cannot be unpacked" "rm $base"
    cp "$HEDDLE_TARGET/debug/heddle-conformance" "$HEDDLE_TARGET"/debug/libheddle_{sflow,passthrough}.so "$root/judge/" ||
        die "the harness was not built" "tests/conformance/build"
    for isolation in none process; do
        for name in sflow passthrough; do
            config=()
            [ $name != sflow ] || config=(--config collector=127.0.0.1:6343)
            # Name spaces of their own: no network, and whatever is mounted goes with the last process.
            unshare --mount --net --pid --fork --propagation private bash -euc '
                mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev"
                chroot --userspec=65534:65534 "$@"' in-a-name-space "$root" /judge/heddle-conformance \
                run "/judge/libheddle_$name.so" --isolation $isolation --limit 60 "${config[@]}" \
                >"$HEDDLE_SCRATCH/report" 2>&1 ||
                die "$name does not conform in $suite (isolation $isolation)" "$(grep -v PASS "$HEDDLE_SCRATCH/report")"
            say "$suite, glibc $(chroot "$root" ldd --version | sed -n '1s/.* //p'), isolation $isolation: $(tail -n 2 "$HEDDLE_SCRATCH/report" | head -n 1)"
        done
    done
done
show_ledger
