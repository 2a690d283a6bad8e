#!/bin/bash
# `make deb-check`: the package in a fresh Debian 12 (debootstrap, about 100 MB from the mirror, kept in target/tools):
# installed, the demo run from it, upgraded, removed and purged; then booted with systemd as process 1. Needs root and the network.
. "$(dirname "${BASH_SOURCE[0]}")/../setup/prepare.sh"
[ "$(id -u)" -eq 0 ] || die "make deb-check makes a chroot" "sudo make deb-check"
prepare deb-check
rm -f "$HEDDLE_TARGET"/debian/heddle_*.deb
tests/run/deb.sh || exit 1
# cargo-deb removes the package of an earlier revision.
mv "$HEDDLE_TARGET"/debian/heddle_*.deb "$HEDDLE_SCRATCH/older.deb" || die "there is no package in target/debian" "make deb"
DEB_REVISION=2 tests/run/deb.sh >/dev/null || die "the package of the next revision could not be made" "make deb DEB_REVISION=2"
. tests/deb/base.sh
root=$HEDDLE_SCRATCH/root
mkdir -p "$root" && tar -C "$root" -xf "$base" || die "$base cannot be unpacked" "rm $base"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mv "$HEDDLE_SCRATCH/older.deb" "$root/root/"
cp "$HEDDLE_TARGET"/debian/heddle_*.deb "$root/root/newer.deb" && cp tests/deb/inside.sh "$root/root/" ||
    die "the package of the next revision is not in target/debian" "make deb DEB_REVISION=2"
# Mounts of a name space of their own: whatever happens, none is left.
unshare --mount --propagation private tests/deb/enter.sh "$root" /bin/bash /root/inside.sh || die "the package did not pass" "the lines above say where"
say "installed once more, and booted with systemd as process 1"
unshare --mount --propagation private tests/deb/enter.sh "$root" apt-get install -y --no-install-recommends /root/newer.deb \
    >"$HEDDLE_SCRATCH/again.log" 2>&1 || die "the package did not install after a purge" "$(tail -n 3 "$HEDDLE_SCRATCH/again.log")"
tests/deb/boot.sh "$root" || die "the booted system did not pass" "the lines above say where"
show_ledger
say "the package passed: installed, demo, upgraded, removed, purged, booted"
