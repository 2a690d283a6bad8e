# shellcheck shell=bash
# Installs the Debian packages a target needs, and only those that are missing. The table is packages.txt beside this
# file. No service is started by an installation: see `with_services_held`.

# packages_missing TOKEN...: prints "package|why" for each row that one of the tokens needs and that is not found.
packages_missing() {
    local package probe needed why token
    while IFS='|' read -r package probe needed why; do
        package=${package//[[:space:]]/}
        probe=${probe//[[:space:]]/}
        case $package in '' | '#'*) continue ;; esac
        for token in "$@"; do
            case " $needed " in *" $token "*) ;; *) continue ;; esac
            case $probe in
            cmd:*) have "${probe#cmd:}" ;;
            file:*) [ -e "${probe#file:}" ] ;;
            *) die "packages.txt: '$probe' of package $package is neither cmd:NAME nor file:PATH" ;;
            esac || printf '%s|%s\n' "$package" "${why# }"
            break
        done
    done <"$HEDDLE_ROOT/tests/setup/packages.txt"
}

# Debian starts a freshly installed service at once. /usr/sbin/policy-rc.d answering 101 forbids that; the one put here
# goes away with the subshell, and one that the machine already has is left alone.
with_services_held() (
    guard=/usr/sbin/policy-rc.d
    if [ ! -e $guard ]; then
        trap 'rm -f $guard' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' >$guard && chmod 755 $guard
    fi
    "$@"
)

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=120 "$@" </dev/null >>"$HEDDLE_APT_LOG" 2>&1
}

apt_knows_all() {
    local package
    for package in "$@"; do
        LC_ALL=C apt-cache policy "$package" 2>/dev/null | grep -q 'Candidate: [^(]' || return 1
    done
}

# apt_install PACKAGE...: the lists are fetched first only when they lack a package, and again when a version in them
# is gone from the mirror.
apt_install() {
    HEDDLE_APT_LOG=$HEDDLE_SCRATCH/apt.log
    if ! apt_knows_all "$@"; then
        say "the package lists are missing or old: apt-get update"
        apt update || warn "apt-get update reported errors; trying with the lists there are"
    fi
    with_services_held apt install -y --no-install-recommends "$@" && return 0
    say "the installation failed: once more after apt-get update"
    apt update
    with_services_held apt install -y --no-install-recommends "$@" && return 0
    tail -n 15 "$HEDDLE_APT_LOG" >&2
    return 1
}

# require_packages TOKEN...: after it, every package of the tokens is there or is in the ledger. A missing compiler
# ends the target, since nothing can run without it.
require_packages() {
    local missing names package why reason
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    names=$(cut -d'|' -f1 <<<"$missing" | tr '\n' ' ')
    names=${names% }
    if ! may_install; then
        reason="HEDDLE_NO_INSTALL=1 forbids installing"
    elif ! have apt-get; then
        reason="there is no apt-get on this system; install what contains it by hand"
    elif ! is_root; then
        reason="installing needs root: sudo apt-get install -y --no-install-recommends $names"
    else
        say "installing with apt-get, no service is started:"
        while IFS='|' read -r package why; do say "  $package ($why)"; done <<<"$missing"
        # shellcheck disable=SC2086 # a list of package names
        apt_install $names && return 0
        reason="apt-get install $names failed"
    fi
    while IFS='|' read -r package why; do leave_out "package $package ($why)" "$reason"; done <<<"$missing"
    missing=$(packages_missing build | cut -d'|' -f1 | tr '\n' ' ')
    [ -z "$missing" ] || die "nothing can be built without ${missing% }: $reason" "apt-get install -y --no-install-recommends $missing"
    warn "missing: $names ($reason)"
}
