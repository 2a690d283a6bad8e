//! The keys as operators see them before anything is enabled (`heddle.config/1`): kinds, units, ranges, defaults.
//!
//! The host checks each value by this table before the agent is asked; the agent checks all of them again, and what they
//! mean together, because it may run under a host that knows no published keys.

use heddle_extension_api::ConfigKey;

use super::{DROPS_MAX, HEADER_MAX, HEADER_MIN, POLLING_MAX};
use crate::sampler::RATE_MAX;

const fn upto(most: u32) -> (i64, i64) {
    (0, most as i64)
}

const HEADER: (i64, i64) = (HEADER_MIN as i64, HEADER_MAX as i64);

/// All keys.
pub const PUBLISHED: &[ConfigKey] = &[
    ConfigKey::text(
        "collector",
        "",
        "ADDR or ADDR:PORT of up to 8 hosts with commas between, IPv6 in brackets; required",
    )
    .fixed(),
    ConfigKey::integer("sampling", "frames", "400", upto(RATE_MAX), "one frame in so many is sampled, 0 = none"),
    ConfigKey::integer("sampling.", "frames", "", upto(RATE_MAX), "the same for the port of that name").prefix(),
    ConfigKey::integer(
        "polling",
        "seconds",
        "30",
        upto(POLLING_MAX),
        "longest time between counters samples, 0 = none",
    ),
    ConfigKey::integer("header", "bytes", "128", HEADER, "first bytes kept of a frame, VLAN tag included"),
    ConfigKey::integer("header.", "bytes", "", HEADER, "the same for the port of that name").prefix(),
    ConfigKey::integer("drops", "frames/s", "0", upto(DROPS_MAX), "dropped frames told of, at most, 0 = none"),
    ConfigKey::text("agent", "127.0.0.1", "address by which collectors know this host; give one of its own").fixed(),
    ConfigKey::integer("sub_agent", "", "0", upto(u32::MAX), "tells several switches of one agent apart").fixed(),
    ConfigKey::choice("host", "on|off", "on", "whether the host is described"),
    ConfigKey::choice("machines", "on|off", "on", "whether the virtual machines behind ports are described"),
    ConfigKey::choice("vlans", "on|off", "off", "whether VLANs are counted, at a few cycles a frame, and told of")
        .fixed(),
];
