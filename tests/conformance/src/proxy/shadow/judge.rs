//! What an extension made of a call, compared with what it was shown: each field, each byte, each verdict.
//!
//! A difference that its role and leg do not allow is a finding under the name of the case that forbids it. What may differ
//! is judged by its sense: destinations are connected, groups exist, changed headers were parsed again and their checksums
//! hold. Cost: each frame of a call is compared whole.

use heddle_extension_api::abi::meta::{ROLE_CAPTURE, ROLE_FORWARDING};
use heddle_extension_api::abi::packet::{
    Batch, PACKET_NATIVE_FORWARDING, PACKET_PARTIAL_CHECKSUM, PACKET_PRESERVE_PRIORITY, PACKET_PRESERVE_VLAN, Packet,
    VERDICT_DROP, VERDICT_HOLD, VERDICT_PASS, VERDICT_TO_GROUP, VERDICT_TO_PORT,
};
use heddle_switch_core::parse::parse;

use super::super::{find, lock, role};
use super::{InCall, MAX};
use crate::frames::{checksums_hold, diff};

pub(super) fn batch(before: &Batch, after: &Batch) {
    if before.flags != after.flags {
        find("batch-flags-kept", format!("the batch's flags became {:#x}, were {:#x}", after.flags, before.flags));
    }
    let facts = |batch: &Batch| {
        let addresses = [batch.packets as usize, batch.base as usize, batch.call as usize, batch.offload as usize];
        (addresses, batch.count, batch.now_ns, batch.worker, batch.leg, batch.struct_size, batch.draft_base as usize)
    };
    if facts(before) != facts(after) {
        find("batch-fields-kept", "a field of the batch was changed; it is the host's".to_owned());
    }
}

impl InCall {
    pub(super) fn judge(&self, index: usize, leg: &str) {
        if self.gone[index] {
            return;
        }
        let (shown, told) = (*self.shown(index), self.told[index]);
        self.judge_fields(&shown, &told, index, leg);
        self.judge_verdict(&shown, &told, index);
        self.judge_bytes(&shown, &told, index);
    }

    fn judge_fields(&self, shown: &Packet, told: &Packet, index: usize, leg: &str) {
        let forwards = role() == ROLE_FORWARDING && !self.is_egress();
        let own_flags = if forwards { PACKET_PRESERVE_VLAN | PACKET_PRESERVE_PRIORITY } else { 0 };
        let checks: [(&'static str, &str, bool, u64, u64); 14] = [
            ("source-port-kept", "source_port", true, shown.source_port.into(), told.source_port.into()),
            ("destination-kept", "destination", !forwards, shown.destination.into(), told.destination.into()),
            ("header-facts-kept", "l3", true, shown.l3.into(), told.l3.into()),
            ("header-facts-kept", "l4", true, shown.l4.into(), told.l4.into()),
            ("header-facts-kept", "ethertype", true, shown.ethertype.into(), told.ethertype.into()),
            ("header-facts-kept", "flow_hash", true, shown.flow_hash.into(), told.flow_hash.into()),
            ("header-facts-kept", "ip_protocol", true, shown.ip_protocol.into(), told.ip_protocol.into()),
            ("flags-kept", "flags", true, (shown.flags & !own_flags).into(), (told.flags & !own_flags).into()),
            ("vlan-tag-kept", "vlan_tci", true, shown.vlan_tci.into(), told.vlan_tci.into()),
            ("nic-index-kept", "source_nic", true, shown.source_nic.into(), told.source_nic.into()),
            ("nic-index-kept", "destination_nic", !forwards, shown.destination_nic.into(), told.destination_nic.into()),
            ("traffic-class-kept", "traffic_class", true, shown.traffic_class.into(), told.traffic_class.into()),
            ("subnet-kept", "virtual_subnet", true, shown.virtual_subnet.into(), told.virtual_subnet.into()),
            ("frame-place-kept", "buffer", true, shown.buffer.into(), told.buffer.into()),
        ];
        for (rule, field, hosts, now, was) in checks {
            if hosts && now != was {
                find(rule, format!("{leg}: `{field}` of packet {index} became {now:#x}, was {was:#x}"));
            }
        }
        if !self.writable[index] && (shown.start, shown.length) != (told.start, told.length) {
            let text = format!("{leg}: start or length of packet {index} changed without make_writable");
            find("frame-place-kept", text);
        }
        if shown.reserved != told.reserved {
            find("reserved-stays-zero", format!("{leg}: reserved bytes of packet {index} were written"));
        }
    }

    fn judge_verdict(&self, shown: &Packet, told: &Packet, index: usize) {
        let known = lock(&self.instance.known);
        let forwards = role() == ROLE_FORWARDING && !self.is_egress();
        let native = told.flags & PACKET_NATIVE_FORWARDING != 0;
        match shown.verdict {
            VERDICT_PASS if forwards && !native => {
                find(
                    "decides-or-drops",
                    format!("packet {index} was passed without a destination; drop it with a reason"),
                );
            }
            VERDICT_PASS => {}
            VERDICT_DROP | VERDICT_HOLD | VERDICT_TO_PORT | VERDICT_TO_GROUP if role() == ROLE_CAPTURE => {
                find("capture-passes", format!("verdict {} on packet {index} by a capture extension", shown.verdict));
            }
            VERDICT_DROP => {
                let code = shown.drop_reason;
                if code != 0 && !known.reasons.contains(&code) {
                    find(
                        "drop-reason-registered",
                        format!("packet {index} dropped for {code}, which it never registered"),
                    );
                }
            }
            VERDICT_HOLD => {
                find("held-by-the-host", format!("verdict HOLD was written on packet {index}; only `hold` holds"));
            }
            VERDICT_TO_PORT | VERDICT_TO_GROUP if role() != ROLE_FORWARDING => {
                find("filter-does-not-forward", format!("verdict {} on packet {index} by a filter", shown.verdict));
            }
            VERDICT_TO_PORT | VERDICT_TO_GROUP if self.is_egress() => {
                find("no-forwarding-on-egress", format!("verdict {} on packet {index} on egress", shown.verdict));
            }
            VERDICT_TO_PORT | VERDICT_TO_GROUP if native => {
                find(
                    "native-frames-left-alone",
                    format!("packet {index} is forwarded natively and was given a destination"),
                );
            }
            VERDICT_TO_PORT if !known.connected.contains(&shown.destination) => {
                let text = format!("packet {index} sent to port {}, which has no connected NIC", shown.destination);
                find("destination-connected", text);
            }
            VERDICT_TO_GROUP if !known.groups.contains_key(&shown.destination) => {
                find(
                    "group-exists",
                    format!("packet {index} sent to group {}, which it never made", shown.destination),
                );
            }
            VERDICT_TO_PORT | VERDICT_TO_GROUP => {}
            unknown => find("verdict-known", format!("packet {index} has verdict {unknown}, which there is not")),
        }
    }

    fn judge_bytes(&self, shown: &Packet, told: &Packet, index: usize) {
        let before = &self.before[index];
        if let Some(moved_from) = &self.moved_from[index] {
            let left = self.shown_bytes(moved_from);
            if left != before.as_slice() {
                let text =
                    format!("packet {index} was written where it lay before make_writable\n{}", diff(before, left));
                find("writable-copy-is-used", text);
            }
        }
        if !self.writable[index] {
            let now = self.shown_bytes(told);
            if now != before.as_slice() {
                let rule = match (role(), self.is_egress()) {
                    (ROLE_CAPTURE, _) => "capture-leaves-bytes",
                    (_, true) => "egress-leaves-bytes",
                    (_, false) => "writes-after-make-writable",
                };
                find(rule, format!("bytes of packet {index} were changed\n{}", diff(before, now)));
            }
            return;
        }
        let inside = shown.buffer == told.buffer
            && shown.buffer as usize * 64 + usize::from(shown.start) + shown.length as usize <= self.ends[MAX + index];
        if !inside || shown.verdict == VERDICT_DROP {
            return;
        }
        let after = self.shown_bytes(shown);
        if after == before.as_slice() {
            return;
        }
        let facts = parse(after);
        let parsed = (facts.l3, facts.l4, facts.ethertype, facts.ip_protocol);
        if parsed != (shown.l3, shown.l4, shown.ethertype, shown.ip_protocol) {
            let text =
                format!("packet {index} has other headers now and was not parsed again\n{}", diff(before, after));
            find("reparse-after-change", text);
        } else if shown.flags & PACKET_PARTIAL_CHECKSUM == 0 && checksums_hold(before) && !checksums_hold(after) {
            find("checksums-stay-right", format!("packet {index} has a wrong checksum now\n{}", diff(before, after)));
        }
    }
}
