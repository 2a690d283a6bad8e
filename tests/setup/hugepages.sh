# shellcheck shell=bash
# Reserves huge pages for the packet arena for the time of one run, and gives them back. Everything works without
# them, with more TLB misses; so a failure here is a message and never an error.

HEDDLE_HUGEPAGES=64 # of 2 MiB: 128 MiB, one arena with room to spare
HUGEPAGE_COUNT=/proc/sys/vm/nr_hugepages

reserve_hugepages() {
    local before now
    before=$(cat $HUGEPAGE_COUNT 2>/dev/null) || return 0
    [ "$before" -eq 0 ] || return 0
    if ! is_root; then
        leave_out "huge pages" "reserving them needs root; the arena uses ordinary pages"
        return 0
    fi
    { echo $HEDDLE_HUGEPAGES >$HUGEPAGE_COUNT; } 2>/dev/null
    now=$(cat $HUGEPAGE_COUNT)
    if [ "$now" -gt 0 ]; then
        HEDDLE_HUGEPAGES_TAKEN=$now
        say "reserved $now huge pages of 2 MiB for this run ($HUGEPAGE_COUNT)"
    else
        leave_out "huge pages" "the kernel gave none ($HUGEPAGE_COUNT); the arena uses ordinary pages"
    fi
}

# Only what this run reserved, and only when nobody changed the number since.
release_hugepages() {
    [ -n "${HEDDLE_HUGEPAGES_TAKEN:-}" ] || return 0
    [ "$(cat $HUGEPAGE_COUNT)" = "$HEDDLE_HUGEPAGES_TAKEN" ] && { echo 0 >$HUGEPAGE_COUNT; } 2>/dev/null
    HEDDLE_HUGEPAGES_TAKEN=
}
