//! Judging a finished L4 checksum of a frame, for tests and for consumers that must not trust the sender.
//!
//! TCP (RFC 9293 3.1), UDP (RFC 768, RFC 8200 8.1) and ICMPv6 (RFC 4443 2.3).
//!
//! Limits: a fragment, an unknown protocol and an IPv6 packet still on its way through a routing header cannot be
//! judged and give `None`. Cost: one pass over the L4 bytes.

use super::{fold, internet_sum};
use crate::offload::headers::{ICMPV6, IpVersion, TCP, UDP, transport};

/// Whether the finished L4 checksum of the IP packet at `l3` holds; `None` when it cannot be judged.
///
/// `l4` is where the caller believes the L4 header starts; a frame that says otherwise cannot be judged.
pub fn verify_l4(frame: &[u8], l3: u16, l4: u16) -> Option<bool> {
    let found = transport(frame, l3).ok()?;
    if found.l4 != l4 || found.fragment || found.routed {
        return None;
    }
    let covered = frame.get(usize::from(l4)..found.end)?;
    match (found.version, found.protocol) {
        (_, TCP) | (IpVersion::V6, ICMPV6) => {}
        (version, UDP) => {
            if covered.get(6..8)? == [0, 0] {
                // RFC 768: no checksum was computed; RFC 8200 8.1 forbids that over IPv6.
                return Some(version == IpVersion::V4);
            }
        }
        _ => return None,
    }
    let length = u32::from(fold(u32::try_from(covered.len()).ok()?));
    let sum = found.address_sum(frame)? + u32::from(found.protocol) + length + internet_sum(covered);
    Some(fold(sum) == 0xffff)
}
