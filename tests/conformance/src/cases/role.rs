//! Level role: the rights matrix (model 1.3) and the forwarding context (model 1.4), with Microsoft's verifier rules.
//!
//! All of these drive the same everyday traffic; what breaks a rule is found on the way between extension and host and
//! carries the name of the case.

use std::sync::atomic::Ordering;

use heddle_extension_api::abi::meta::{CAPABILITY_GROUPS, CAPABILITY_HOLD, CAPABILITY_INJECT, CAPABILITY_MODIFY};

use super::everyday;
use crate::case::{C, CFW, Case, F, FW, Level, Verdict, W, case};
use crate::proxy::{self, Manners};
use crate::rig::{Rig, Subject};

const L: Level = Level::Role;

pub(crate) const CASES: &[Case] = &[
    case(
        (L, "capture-passes"),
        C,
        "model 1.3: capture, drop: no",
        "A capture extension gives every frame the verdict PASS.",
        everyday,
    ),
    case(
        (L, "capture-leaves-bytes"),
        C,
        "model 1.3: capture, modify: no; model 2.5",
        "A capture extension changes no byte of a frame.",
        everyday,
    ),
    case(
        (L, "capture-does-not-hold"),
        C,
        "model 1.3: capture, hold: no",
        "A capture extension asks for no hold.",
        everyday,
    ),
    case(
        (L, "capture-does-not-modify"),
        C,
        "model 1.3: capture, modify: no",
        "A capture extension does not ask for writable frames.",
        everyday,
    ),
    case(
        (L, "capture-does-not-clone"),
        C,
        "model 1.3: capture, clone: no",
        "A capture extension clones no frame.",
        everyday,
    ),
    case(
        (L, "groups-are-the-forwarders"),
        C | F,
        "heddle_host_t.group_create",
        "Only a forwarding extension makes groups of ports.",
        everyday,
    ),
    case(
        (L, "filter-does-not-forward"),
        F,
        "model 1.3: filter, add destination: no",
        "A filter gives no destination.",
        everyday,
    ),
    case(
        (L, "no-forwarding-on-egress"),
        W,
        "model 1.3: add destination: ingress only",
        "A forwarding extension gives destinations on ingress only.",
        everyday,
    ),
    case(
        (L, "decides-or-drops"),
        W,
        "model 1.4: 0 destinations: drop and report",
        "A forwarding extension gives each frame a destination, drops it or holds it.",
        everyday,
    ),
    case(
        (L, "destination-connected"),
        W,
        "model 1.4 (Driver Verifier A005)",
        "A frame is sent only to a port with a connected NIC.",
        everyday,
    ),
    case(
        (L, "group-exists"),
        W,
        "model 1.4 (Driver Verifier A007)",
        "A frame is sent only to a group that the extension made.",
        everyday,
    ),
    case(
        (L, "group-ports-connected"),
        W,
        "model 1.4 (Driver Verifier A00D)",
        "A group names connected ports, each once.",
        everyday,
    ),
    case(
        (L, "native-frames-left-alone"),
        W,
        "model 1.6 (Driver Verifier A00E)",
        "A frame that is forwarded natively gets no destination.",
        native,
    ),
    case((L, "verdict-known"), CFW, "heddle_packet_t.verdict", "A verdict is one of those there are.", everyday),
    case((L, "held-by-the-host"), FW, "HEDDLE_VERDICT_HOLD", "The verdict HOLD is written by `hold` alone.", everyday),
    case(
        (L, "drop-reason-registered"),
        FW,
        "model 1.4, drops (Driver Verifier A00B)",
        "A drop names a reason the extension registered, or none.",
        everyday,
    ),
    case(
        (L, "source-port-kept"),
        CFW,
        "heddle_packet_t (Driver Verifier A006)",
        "The source port is the host's.",
        everyday,
    ),
    case(
        (L, "destination-kept"),
        CFW,
        "heddle_packet_t.destination",
        "The destination is the host's, but for a forwarding extension on ingress.",
        everyday,
    ),
    case(
        (L, "nic-index-kept"),
        CFW,
        "model 1.4 (Driver Verifier A004)",
        "NIC indexes are the host's, but for a forwarding extension's choice on ingress.",
        everyday,
    ),
    case(
        (L, "header-facts-kept"),
        CFW,
        "heddle_packet_t",
        "Offsets, EtherType, protocol and flow hash change by `reparse` alone.",
        everyday,
    ),
    case((L, "flags-kept"), CFW, "model 1.4 (Driver Verifier A002)", "The packet's flags are the host's.", everyday),
    case((L, "vlan-tag-kept"), CFW, "heddle_packet_t.vlan_tci", "The tag is the host's.", everyday),
    case((L, "traffic-class-kept"), CFW, "heddle_packet_t.traffic_class", "The traffic class is the host's.", everyday),
    case((L, "subnet-kept"), CFW, "heddle_packet_t.virtual_subnet", "The virtual subnet is the host's.", everyday),
    case((L, "reserved-stays-zero"), CFW, "heddle_packet_t.reserved", "Reserved bytes stay as they are.", everyday),
    case(
        (L, "frame-place-kept"),
        CFW,
        "heddle_packet_t.buffer, start, length",
        "Where a frame lies changes only while it is writable.",
        everyday,
    ),
    case(
        (L, "batch-flags-kept"),
        CFW,
        "heddle_batch_t.flags (Driver Verifier A00C)",
        "The batch's flags are the host's: nobody else says that all frames have one source.",
        everyday,
    ),
    case((L, "batch-fields-kept"), CFW, "heddle_batch_t", "The batch's other fields are the host's.", everyday),
    case(
        (L, "writes-after-make-writable"),
        FW,
        "model 1.3: modify; heddle_host_t.make_writable",
        "Bytes are written only after make_writable.",
        everyday,
    ),
    case(
        (L, "writable-copy-is-used"),
        FW,
        "heddle_host_t.make_writable",
        "After make_writable the frame is written where it is now.",
        everyday,
    ),
    case(
        (L, "frame-in-buffer"),
        FW,
        "heddle_packet_t.start, length",
        "A writable frame stays inside its buffer.",
        everyday,
    ),
    case(
        (L, "reparse-after-change"),
        FW,
        "heddle_host_t.reparse",
        "After a change of headers the host is asked to parse the frame anew.",
        everyday,
    ),
    case(
        (L, "checksums-stay-right"),
        FW,
        "RFC 791 3.1, RFC 1624",
        "Whoever changes a frame keeps its checksums right.",
        everyday,
    ),
    case(
        (L, "egress-leaves-bytes"),
        FW,
        "model 1.3: modify on egress: clone",
        "On egress no byte of a frame is changed.",
        everyday,
    ),
    case(
        (L, "egress-is-not-modified"),
        FW,
        "model 1.3: modify on egress: clone",
        "On egress nothing asks for writable frames.",
        everyday,
    ),
    case((L, "draft-in-bounds"), CFW, "heddle_host_t.originate", "A draft is written inside its length.", everyday),
    case((L, "draft-lengths-valid"), CFW, "heddle_host_t.originate", "A draft has the length of a frame.", everyday),
    case(
        (L, "clone-keeps-a-source"),
        FW,
        "model 1.4, source port 0 (Driver Verifier A001)",
        "A clone of a port's frame is injected from a port, not as trusted.",
        everyday,
    ),
    case(
        (L, "inject-source-connected"),
        CFW,
        "heddle_host_t.inject",
        "Injected frames come from a connected port or from none.",
        everyday,
    ),
    case(
        (L, "inject-to-destination-valid"),
        W,
        "heddle_host_t.inject_to, heddle_destination_t",
        "A draft with a destination of its own goes to a connected port or to a group that the extension made.",
        everyday,
    ),
    case(
        (L, "packet-index-in-batch"),
        FW,
        "heddle_batch_t.count",
        "Functions name packets that are in the batch.",
        everyday,
    ),
    case(
        (L, "uses-what-it-declares"),
        CFW,
        "heddle_meta_t.capabilities",
        "It does only what its capabilities declare.",
        capabilities,
    ),
];

fn native(subject: &Subject) -> Verdict {
    proxy::set_manners(Manners { native: true, ..Manners::POLITE });
    everyday(subject)
}

fn capabilities(subject: &Subject) -> Verdict {
    everyday(subject)?;
    let declared = subject.facts()?.capabilities;
    let used = crate::board::board().used.load(Ordering::Acquire);
    let bits = [CAPABILITY_HOLD, CAPABILITY_MODIFY, CAPABILITY_INJECT, CAPABILITY_GROUPS];
    for ((right, bit), does) in (0..).zip(bits).zip(proxy::RIGHTS) {
        if used & (1 << right) != 0 && declared & bit == 0 {
            return Err(format!("it {does} without the capability {bit:#x} in its metadata"));
        }
    }
    let mut rig = Rig::new(subject, 2, 1)?;
    rig.tick();
    Ok(String::new())
}
