# tshark's words about sFlow datagrams (-O sflow) as one line for each of the first flow samples, and how many of each kind.
function finish() {
    if (kind == "flow" && shown < 6) {
        lines = lines sprintf("  port %s -> %s, 1 in %s, %s bytes: %s > %s %s\n", in_port, out, rate, bytes, from, to, proto)
        shown++
    }
    kind = ""
    in_port = out = rate = bytes = from = to = proto = ""
}
/^ *InMon sFlow/ { finish(); datagrams++ }
/^ *(Expanded )?[Ff]low sample/ { finish(); kind = "flow"; flows++ }
/^ *(Expanded )?[Cc]ounters sample/ { finish(); kind = "counters"; counters++ }
kind != "flow" { next }
/Sampling rate: 1 out of/ { rate = $6 }
/Input interface \(ifIndex\):/ { in_port = $NF }
/Output interface value:/ {
    sub(/.*value: /, "")
    out = dropped ? "dropped (" $0 ")" : many ? $0 " ports" : "port " $0
}
/Output interface format:/ { dropped = /[Dd]iscarded/; many = /[Mm]ultiple/ }
/Frame Length:/ { bytes = $NF }
/Source Address:|Source: [0-9a-f:]+$/ { if (from == "" || /Address/) from = $NF }
/Destination Address:|Destination: [0-9a-f:]+$/ { if (to == "" || /Address/) to = $NF }
/^ *Protocol: / { proto = $2 }
/^ *Type: / && proto == "" { proto = $2 }
END {
    finish()
    printf "%d datagrams: %d flow samples, %d counters samples\n%s", datagrams, flows, counters, lines
}
