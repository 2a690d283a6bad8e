# shellcheck shell=bash
# The demo with root: red, green and blue are network namespaces on one switch, red and green behind TAP ports, blue behind
# an AF_PACKET port on a veth pair, as a physical network would be. Addresses 10.77.0.0/24 and fd77::/64 are seen by nobody
# outside these namespaces.

SWITCH=demo
PROBE=green

namespace() { echo "heddle-demo-$TAG-$1"; }

# in_host HOST COMMAND...
in_host() {
    local host=$1
    shift
    ip netns exec "$(namespace "$host")" "$@"
}

# can_make_hosts: namespaces, veth pairs and TAP devices, which a container's root may lack. Why not is in $WORK/refusal.
can_make_hosts() {
    local probe
    probe=$(namespace probe)
    NAMESPACES+=("$probe")
    { ip netns add "$probe" && ip -n "$probe" link add eth0 type veth peer name eth1 &&
        ip -n "$probe" tuntap add tap0 mode tap && ip netns del "$probe"; } 2>"$WORK/refusal" >&2
}

make_host() {
    NAMESPACES+=("$(namespace "$1")")
    ip netns add "$(namespace "$1")" || stop_here "the namespace of $1 cannot be made"
}

# address HOST DEVICE NUMBER
address() {
    local ns
    ns=$(namespace "$1")
    ip -n "$ns" addr add "10.77.0.$3/24" dev "$2" && ip -n "$ns" link set "$2" up || stop_here "$1 gets no address"
    ip -n "$ns" addr add "fd77::$3/64" dev "$2" nodad 2>/dev/null || IPV6=no
}

make_network() {
    local host
    caption "A switch with two workers; two ports on TAP devices, the third on an existing device (AF_PACKET)"
    for host in red green blue; do make_host "$host"; done
    DEVICES+=("blue$TAG" "red$TAG" "green$TAG")
    # No address of its own: the switch's end of the pair says nothing by itself.
    ip link add "blue$TAG" type veth peer name eth0 netns "$(namespace blue)" &&
        ip link set "blue$TAG" addrgenmode none up || stop_here "no veth pair can be made"
    shown heddle switch create demo --type external --workers 2
    shown heddle port add demo red --backend tap --device "red$TAG"
    shown heddle port add demo green --backend tap --device "green$TAG"
    shown heddle port add demo uplink --backend packet --device "blue$TAG" --kind external
    IPV6=yes
    for host in red green; do ip link set "$host$TAG" netns "$(namespace $host)" || stop_here "$host gets no TAP device"; done
    address red "red$TAG" 1
    address green "green$TAG" 2
    address blue eth0 3
    printf '   host red 10.77.0.1 on port red, green 10.77.0.2 on port green, blue 10.77.0.3 behind port uplink\n'
}

# pinged FROM ADDRESS: three echoes, none lost.
pinged() {
    in_host "$1" ping -c 3 -i 0.2 -W 1 "$2" >"$WORK/ping"
    tail -n 2 "$WORK/ping" | head -n 1
    check "ping from $1 to $2: no echo lost" grep -q ' 0% packet loss' "$WORK/ping"
}

ping_all() {
    caption "Ping: TAP to TAP, TAP to AF_PACKET, both with IPv4 and IPv6"
    wait_for 10 in_host red ping -c 1 -W 1 10.77.0.3 || stop_here "red does not reach blue"
    pinged red 10.77.0.2
    pinged red 10.77.0.3
    if [ "$IPV6" = yes ]; then
        pinged red fd77::2
        pinged blue fd77::2
    else
        skipped "ping over IPv6" "this kernel has no IPv6; boot it without ipv6.disable=1"
    fi
}

# stream WHAT SERVER ADDRESS CLIENT OPTION...: two seconds of iperf3; the receiver must have got something.
stream() {
    local what=$1 server=$2 address=$3 client=$4
    shift 4
    rm -f "$WORK/iperf-server"
    helper ip netns exec "$(namespace "$server")" iperf3 -s -1 --forceflush >"$WORK/iperf-server" 2>&1
    wait_for 5 grep -q 'Server listening' "$WORK/iperf-server"
    in_host "$client" iperf3 -c "$address" -t 2 "$@" >"$WORK/iperf" 2>&1
    printf '%-26s %s\n' "$what" "$(grep 'receiver' "$WORK/iperf" || tail -n 1 "$WORK/iperf")"
    check "iperf3, $what: the receiver got data" got_data "$WORK/iperf"
    dismiss "$HELPER"
}

got_data() { awk '/receiver$/ && $5 > 0 { found = 1 } END { exit !found }' "$1"; }

run_streams() {
    caption "iperf3: TCP both ways between a TAP and an AF_PACKET port, TCP and UDP between the TAP ports"
    if ! has iperf3; then
        skipped "the iperf3 streams" "iperf3 is not installed; apt-get install iperf3"
        return
    fi
    stream "TCP red to blue" blue 10.77.0.3 red
    stream "TCP blue to red" blue 10.77.0.3 red --reverse
    stream "TCP red to green" green 10.77.0.2 red
    stream "UDP red to green, 200 Mb/s" green 10.77.0.2 red --udp --bitrate 200M
}

# Two mistakes that happen: a host that thinks it is on a VLAN, and one whose MTU is larger than the network's.
provoke_drops() {
    caption "Two mistakes on purpose: red tags frames with VLAN 20, and sends 3000 bytes where the MTU is 1500"
    check "red sends five tagged frames" in_host red perl "$HERE/tagged.pl" "red$TAG" 20 5
    ip -n "$(namespace red)" link set "red$TAG" mtu 4000
    check "a ping of 3000 bytes is not answered" not in_host red ping -c 2 -i 0.2 -W 1 -M do -s 3000 10.77.0.2
    ip -n "$(namespace red)" link set "red$TAG" mtu 1500
}

not() { ! "$@"; }

run_demo() {
    start_daemon
    make_network
    load_extensions
    ping_all
    run_streams
    provoke_drops
    show_topology
    show_counters
    show_fdb red green uplink
    show_drops vlan-tag-not-allowed frame-too-long
    show_stages
    helper ip netns exec "$(namespace red)" ping -q -i 0.2 -w 10 10.77.0.2 >"$WORK/ping"
    show_capture 'ICMP'
    dismiss "$HELPER"
    show_samples
    show_law
}
