# shellcheck shell=bash
# What an operator wants to see of a switch that has carried traffic. SWITCH is the switch, PROBE the port to capture on.

balanced() { heddle stats "$SWITCH" --drops | grep -q 'every frame accounted for'; }
dropped_for() { heddle stats "$SWITCH" --drops | grep -q "^$1 "; }
learned() { heddle fdb show "$SWITCH" | grep -q "$1.*learned"; }

show_topology() {
    caption "Topology: the ports, what is plugged in, and the extensions in the order frames pass them"
    shown heddle topology
}

show_counters() {
    caption "Counters of each port, as on the wire; above them frames as the switch handles them (up to 64 KiB in one)"
    shown heddle stats "$SWITCH" --ports
}

# show_fdb PORT...: an address must have been learned on each.
show_fdb() {
    local port
    caption "Filtering database: which address is behind which port"
    shown heddle fdb show "$SWITCH"
    for port in "$@"; do check "an address was learned on port $port" learned "$port"; done
}

# show_drops REASON...: each must have been counted.
show_drops() {
    local reason
    caption "Drops by reason, and whose they were"
    shown heddle stats "$SWITCH" --drops
    for reason in "$@"; do check "drops are counted as $reason" dropped_for "$reason"; done
}

show_stages() {
    caption "Cost of each stage: the switch's own parts and every extension (sFlow is not called: the switch samples for it)"
    shown heddle stats "$SWITCH" --stages
    check "each stage has been measured" all_stages_measured
}

all_stages_measured() {
    local shown
    shown=$(heddle stats "$SWITCH" --stages)
    local stage
    for stage in intake forwarding delivery passthrough; do
        grep -q "$stage  *[1-9][0-9]*  *[0-9]" <<<"$shown" || return 1
    done
}

show_law() {
    caption "The conservation law: every frame that came in is sent, dropped for a reason, consumed or held"
    wait_for 3 balanced
    shown heddle switch show "$SWITCH"
    check "every frame is accounted for" balanced
}

# read_back FILE: a capture, by a tool that is not ours. The judge is in $JUDGE, what it said in $WORK/read-back.
read_back() {
    if has tshark; then
        JUDGE=tshark
        tshark -n -r "$1" >"$WORK/read-back" 2>"$WORK/read-back.log"
    elif has tcpdump; then
        JUDGE=tcpdump
        tcpdump -n -r "$1" >"$WORK/read-back" 2>"$WORK/read-back.log"
    else
        JUDGE=
    fi
}

# show_capture EXPECTED: frames of port PROBE into a file; a line of what the judge reads must match EXPECTED.
show_capture() {
    local file=$WORK/$PROBE.pcapng
    caption "Capture on port $PROBE, into a pcapng file"
    shown heddle capture --switch "$SWITCH" --port "$PROBE" -w "$file" --count 6 --seconds 5
    read_back "$file"
    if [ -z "$JUDGE" ]; then
        skipped "reading the capture back" "neither tshark nor tcpdump is installed"
        check "the capture is not empty" test "$(wc -c <"$file")" -gt 500
        return
    fi
    caption "The same file, read by $JUDGE"
    head -n 6 "$WORK/read-back"
    check "$JUDGE finds the traffic in it" grep -qE "$1" "$WORK/read-back"
}

# What the collector got. tshark is a decoder that shares nothing with ours; without it the demo's own reads them.
show_samples() {
    wait_for 5 collected
    dismiss "$COLLECTOR_PID"
    caption "sFlow: what arrived at the collector on 127.0.0.1:$COLLECTOR"
    if has tshark; then
        JUDGE=tshark
        tshark -n -r "$WORK/sflow.pcap" -d "udp.port==$COLLECTOR,sflow" -O sflow 2>"$WORK/samples.log" |
            awk -f "$HERE/samples.awk" >"$WORK/samples"
    else
        JUDGE=$HERE/sflow.pl
        perl "$HERE/sflow.pl" decode "$WORK/sflow.pcap" >"$WORK/samples" 2>&1
    fi
    cat "$WORK/samples"
    check "flow samples and counters samples arrived (decoded by $JUDGE)" \
        grep -qE ' [1-9][0-9]* flow samples, [1-9][0-9]* counters samples' "$WORK/samples"
}

# Both kinds have arrived; counters come once a second.
collected() { perl "$HERE/sflow.pl" decode "$WORK/sflow.pcap"; }
