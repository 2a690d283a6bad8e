#!/bin/bash
# enter.sh ROOT COMMAND...: runs a command in a chroot with what a Debian system has mounted. Call it in a mount name space of its
# own.
set -eu
root=$1
shift
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
exec chroot "$root" "$@"
