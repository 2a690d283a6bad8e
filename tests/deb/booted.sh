#!/bin/bash
# Runs as a service inside a Debian that systemd has booted as process 1, with heddled beside it: readiness, watchdog, restarts,
# the journal, the group of readers, and a clean stop. Prints one line a step; the last is "booted: all passed".
set -u
export LC_ALL=C.UTF-8
UNIT=heddled.service

fail() {
    echo "   FAILED: $1"
    systemctl --no-pager --full status "$UNIT" | tail -n 20 | sed 's/^/   | /'
    journalctl --no-pager -u "$UNIT" | tail -n 20 | sed 's/^/   | /'
    exit 1
}

# step WHAT COMMAND...
step() {
    local what=$1
    shift
    "$@" >/run/step 2>&1 || { sed 's/^/   | /' /run/step; fail "$what: $*"; }
    echo "   ok: $what"
}

# within SECONDS COMMAND...: tries until the command succeeds.
within() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/run/within 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || { cat /run/within; return 1; }
        sleep 0.2
    done
}

shown() { systemctl show -P "$1" "$UNIT"; }
status() { shown StatusText | grep -q "$1"; }
restarted() { [ "$(shown NRestarts)" -ge "$1" ]; }
has_lab() { heddle port list lab | grep -q web; }
pinged() { [ "$(shown WatchdogTimestampMonotonic)" -gt "$(shown ActiveEnterTimestampMonotonic)" ]; }
switch_process() { heddle daemon status --json | sed -n 's/^ *"pid": *\([0-9]*\),*$/\1/p'; }
in_journal() { journalctl -u "$UNIT" -o cat "$@" | grep -q .; }
metrics() {
    exec 3<>/dev/tcp/127.0.0.1/9478 && printf 'GET /metrics HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n' >&3 && grep -q '^heddle_switch' <&3
}
refused() { runuser -u reader -- heddle switch create other; [ $? -eq 6 ]; }
gone() { ! pgrep -x heddled; }

step "systemd is process 1" grep -qx systemd /proc/1/comm
step "the unit is active, so heddled has said that it is ready" within 30 systemctl is-active "$UNIT"
step "its status says what there is" within 10 status "0 switches, ports: 0"
step "a switch and a TAP port are made under the unit's restrictions" bash -c 'heddle switch create lab && heddle port add lab web --backend tap --device htap0'
step "the watchdog is answered" within 20 pinged
step "the journal has the request as fields" within 10 in_journal REQUEST=CreateSwitch SUBJECT=lab
step "metrics are served" within 10 metrics
useradd --system --groups heddle reader
step "a member of the group reads" runuser -u reader -- heddle switch list
step "a member of the group changes nothing" refused
step "killed with its supervisor, it comes back with its switch" bash -c "kill -KILL $(shown MainPID)"
step "systemd started it again" within 20 restarted 1
step "the switch is back" within 20 has_lab
kill -STOP "$(switch_process)"
step "a switch process that stands still is found by the watchdog" within 40 restarted 2
step "the switch is back after that" within 20 has_lab
step "it stops within its time" timeout 5 systemctl stop "$UNIT"
step "and leaves no process" within 5 gone
step "and was stopped cleanly" test "$(shown Result)" = success
step "it starts again" systemctl start "$UNIT"
step "with its switch" within 20 has_lab
echo "booted: all passed"
