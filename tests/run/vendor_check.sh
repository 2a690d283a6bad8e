#!/bin/bash
# `make vendor-check`: the kit for vendors in a fresh Debian 12 that has a compiler, make, cmake and pkg-config and nothing else of
# ours: projects in C of every role, built, tested, judged, tried and signed. Needs root and the network.
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"
[ "$(id -u)" -eq 0 ] || die "make vendor-check makes a chroot" "sudo make vendor-check"
prepare deb-check
tests/run/vendor_kit.sh || exit 1
. tests/deb/base.sh
root=$HEDDLE_SCRATCH/root
mkdir -p "$root" && tar -C "$root" -xf "$base" || die "$base cannot be unpacked" "rm $base"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp "$HEDDLE_TARGET"/vendor-kit/heddle-vendor-kit-*.tar.gz "$root/root/vendor-kit.tar.gz" && cp tests/deb/vendor.sh "$root/root/" ||
    die "the kit is not in target/vendor-kit" "make vendor-kit"
# Mounts of a name space of their own: whatever happens, none is left.
unshare --mount --propagation private tests/deb/enter.sh "$root" /bin/bash /root/vendor.sh || die "the kit did not pass" "the lines above say where"
show_ledger
say "the kit passed in a Debian 12 without this tree"
