#!/bin/bash
# What an administrator does with the package, in a Debian that has nothing else. The status is 0 only when every step did
# what it should.
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root
STEP=0

ok() {
    STEP=$((STEP + 1))
    printf '   ok %d: %s\n' "$STEP" "$1"
}

fail() {
    printf '   FAILED: %s\n' "$1"
    [ ! -s /root/log ] || tail -n 40 /root/log | sed 's/^/   | /'
    exit 1
}

# step WHAT COMMAND...: the command must succeed; what it says is shown only when it does not.
step() {
    local what=$1
    shift
    "$@" >/root/log 2>&1 || fail "$what: $*"
    ok "$what"
}

# Files of the system that a package may leave or take away.
files() { find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /root -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/log \) -prune -o -print | sort; }

absent() { [ ! -e "$1" ] && [ ! -L "$1" ]; }

step "the package lists can be had" apt-get update
step "what the demo looks at its traffic with is installed" apt-get install -y --no-install-recommends iproute2 iputils-ping iperf3 perl tcpdump ethtool procps systemd
files >/root/before
cat /etc/group >/root/group-before

step "the package installs with what it depends on" apt-get install -y --no-install-recommends /root/older.deb
step "the group of readers is there" getent group heddle
step "systemd accepts the unit" systemd-analyze verify --man=no /lib/systemd/system/heddled.service
step "the unit is enabled" test -L /etc/systemd/system/multi-user.target.wants/heddled.service
step "there are manual pages" test -s /usr/share/man/man1/heddle.1.gz -a -s /usr/share/man/man8/heddled.8.gz
step "there are completions" test -s /usr/share/bash-completion/completions/heddle
step "heddle says its version" heddle --version
step "heddled accepts the options of /etc/default/heddled" bash -c '. /etc/default/heddled
    heddled $HEDDLED_OPTIONS & daemon=$!
    for try in $(seq 100); do heddle daemon status && break; sleep 0.1; done
    heddle extension list | grep -q sflow && heddle switch create lab && heddle stats lab
    good=$?
    kill $daemon; wait $daemon && exit $good'
printf '   the demo, from the package:\n'
/usr/lib/heddle/demo/demo.sh >/root/log 2>&1 </dev/null || fail "the demo from the package"
grep -E '^(   (FAILED|left out)|demo:|[0-9]+ (of|checks))' /root/log | sed 's/^/   /'
tail -n 3 /root/log | sed 's/^/   | /'
ok "the demo runs from the package"

echo '# kept' >>/etc/default/heddled
step "the next revision installs over it" apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold /root/newer.deb
step "the administrator's options are kept" grep -q '^# kept' /etc/default/heddled
step "the new revision is there" bash -c '[ "$(dpkg-query -W -f "\${Version}" heddle)" = "$(dpkg-deb -f /root/newer.deb Version)" ]'
step "the package is removed" apt-get remove -y heddle
for path in /usr/bin/heddle /usr/sbin/heddled /usr/lib/heddle /lib/systemd/system/heddled.service; do
    step "$path is gone" absent "$path"
done
step "the options stay for a later installation" test -e /etc/default/heddled
step "the package is purged" apt-get purge -y heddle
step "the group is gone" bash -c '! getent group heddle'
apt-get autoremove -y >/root/log 2>&1
files >/root/after
diff /root/before /root/after >/root/log || fail "purging left or took something"
ok "no file is left, none is missing"
