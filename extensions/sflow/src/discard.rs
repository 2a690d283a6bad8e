//! Why the switch dropped a frame, in sFlow's words.
//!
//! The switch's own drop reasons have fixed codes below 64, named in the comments; the codes from there on belong to
//! extensions, which drop what their rules refuse. Where sFlow has no word the collector is told "unknown".

use crate::datagram::DiscardReason;

/// First code of a reason that an extension registered.
const EXTENSION_FIRST: u16 = 64;

/// The sFlow reason for a drop reason code of the switch.
#[must_use]
pub fn discard_reason(code: u16) -> DiscardReason {
    match code {
        1 => DiscardReason::PORT_LIST_EMPTY,          // no-destination
        2 => DiscardReason::PORT_LOOPBACK,            // same-port
        3 => DiscardReason::DESTINATION_MAC_RESERVED, // reserved-multicast
        4 => DiscardReason::SOURCE_MAC_MULTICAST,     // source-multicast
        5 => DiscardReason::VLAN_TAG_MISMATCH,        // vlan-tag-not-allowed
        6 => DiscardReason::INGRESS_VLAN_FILTER,      // vlan-not-allowed-ingress
        7 => DiscardReason::EGRESS_VLAN_FILTER,       // vlan-not-allowed-egress
        // port-down, source-port-down, device-gone
        8 | 9 | 15 => DiscardReason::DEVICE_NOT_READY,
        11 => DiscardReason::TOO_SMALL, // frame-too-short
        12 => DiscardReason::TOO_BIG,   // frame-too-long
        // pool-empty, tx-queue-full, handover-full, resume-queue-full
        13 | 14 | 16 | 17 => DiscardReason::NO_BUFFER,
        // extension-drop, extension-discard, and reasons with a name
        23 | 28 => DiscardReason::ACL,
        // no-forwarding-decision, group-gone
        24 | 25 => DiscardReason::PORT_LIST_EMPTY,
        26 => DiscardReason::SEGMENTATION, // segmentation-failed
        27 => DiscardReason::CHECKSUM,     // checksum-failed
        code if code >= EXTENSION_FIRST => DiscardReason::ACL,
        _ => DiscardReason::UNKNOWN,
    }
}
