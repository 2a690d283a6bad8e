#!/bin/bash
# boot.sh ROOT: boots ROOT, a Debian with the package installed, with systemd as process 1 in a container with a network of its
# own, and runs booted.sh in it. What it prints is in ROOT/root/booted.log.
set -eu
root=$1
here=$(dirname "${BASH_SOURCE[0]}")
cp "$here/booted.sh" "$root/root/booted.sh"
chmod 755 "$root/root/booted.sh"
cat >"$root/etc/systemd/system/heddle-booted.service" <<'UNIT'
[Unit]
Description=What an administrator looks at after booting
After=heddled.service
FailureAction=poweroff-force
SuccessAction=poweroff-force

[Service]
Type=oneshot
ExecStart=/root/booted.sh
StandardOutput=truncate:/root/booted.log
StandardError=inherit
TimeoutStartSec=180
UNIT
mkdir -p "$root/etc/systemd/system/heddled.service.d" "$root/etc/systemd/system/multi-user.target.wants"
# Thirty seconds would be a long wait.
printf '[Service]\nWatchdogSec=4\n' >"$root/etc/systemd/system/heddled.service.d/watchdog.conf"
ln -sf /etc/systemd/system/heddle-booted.service "$root/etc/systemd/system/multi-user.target.wants/"
timeout --kill-after=5 300 systemd-nspawn --quiet --register=no --keep-unit --private-network --console=pipe \
    --capability=CAP_IPC_LOCK,CAP_NET_ADMIN,CAP_NET_RAW --bind=/dev/net/tun -D "$root" --boot >"$root/root/boot.log" 2>&1 </dev/null || true
cat "$root/root/booted.log"
grep -qx 'booted: all passed' "$root/root/booted.log"
