# shellcheck shell=bash
# The demo without root: two switches with memory ports, joined by a cable in memory, and sources in place of hosts.
# Station 1 on switch demo and station 2 on switch annex send each other numbered UDP frames.

SWITCH=demo
PROBE=red

make_network() {
    caption "Two switches; memory ports stand for hosts (source), for a host that only listens (sink) and for a cable (loop)"
    shown heddle switch create demo --workers 2
    shown heddle switch create annex
    shown heddle port add demo red --backend memory --device source:5000:64:4:1:2
    shown heddle port add demo silent --backend memory --device sink
    shown heddle port add demo trunk --backend memory --device loop:cable
    shown heddle port add annex trunk --backend memory --device loop:cable
    shown heddle port add annex green --backend memory --device source:5000:512:4:2:1
}

provoke_drops() {
    caption "Two mistakes on purpose: a station that sends 1600 bytes where the MTU is 1500, and one that talks to itself"
    shown heddle port add demo jumbo --backend memory --device source:50:1622:1:3:1
    shown heddle port add demo narcissus --backend memory --device source:50:64:1:4:4
}

# received SWITCH PORT: frames the switch sent to it.
received() {
    local sent
    sent=$(heddle port show "$1" "$2" | sed -n 's/^sent: *\([0-9]*\) packets.*/\1/p')
    [ "${sent:-0}" -ge 2000 ]
}

run_demo() {
    start_daemon
    make_network
    load_extensions
    provoke_drops
    caption "Two seconds of traffic: 5,000 frames a second each way, over the cable"
    sleep 2
    check "green received frames of red, through both switches" wait_for 5 received annex green
    check "red received frames of green, through both switches" wait_for 5 received demo red
    show_topology
    show_capture '10\.1\.0\.[0-9]+.* 10\.2\.0\.'
    show_counters
    show_fdb red trunk
    show_drops frame-too-long same-port
    show_stages
    show_samples
    show_law
}
