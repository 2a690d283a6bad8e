#!/bin/bash
# unpack.sh FOLDER PACKAGE...: fetches Debian packages and unpacks them into FOLDER without installing them, so that an
# old compiler can be run from there and never stands before the real one. Works without root. What is already unpacked
# is not fetched again. Dependencies are not followed: name each package.
. "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"

[ $# -ge 2 ] || die "unpack.sh needs a folder and at least one package"
mkdir -p "$1" || exit 1
folder=$(cd "$1" && pwd)
shift
# apt's own user may not write into the folder; root needs no such user for files that are only unpacked.
sandbox=
! is_root || sandbox='-o APT::Sandbox::User=root'
for package in "$@"; do
    [ -e "$folder/.unpacked-$package" ] && continue
    may_install || die "$package is not in $folder and HEDDLE_NO_INSTALL=1 forbids fetching it" "unset HEDDLE_NO_INSTALL"
    have apt-get || die "$package cannot be fetched: there is no apt-get on this system"
    if ! apt_knows_all "$package" && is_root; then
        say "the package lists are missing or old: apt-get update"
        apt-get -q update >/dev/null 2>&1
    fi
    say "fetching $package into $folder (not installed)"
    rm -f "$folder/$package"_*.deb
    # shellcheck disable=SC2086 # an option and its value
    (cd "$folder" && apt-get -q $sandbox download "$package" >/dev/null) || die "$package could not be fetched" "as root: apt-get update"
    dpkg-deb -x "$folder/$package"_*.deb "$folder" || die "$package could not be unpacked into $folder"
    rm -f "$folder/$package"_*.deb
    : >"$folder/.unpacked-$package"
done
