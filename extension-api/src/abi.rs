//! The ABI itself: `#[repr(C)]` structs and tables of `extern "C"` function pointers, and nothing else.
//!
//! No Rust type, trait object, generic, allocation, panic or enum crosses. This module is what the C header is
//! generated from; vendors writing Rust use the safe layer in the crate root instead. Reading order: [`meta`],
//! [`entry`], [`packet`], [`host`], [`control`], [`status`], then optional interfaces ([`sampling`],
//! [`drops`], [`config`], [`state`], [`policy`]).
//!
//! Growth within a major version: `growable` tables get optional slots at their end, new interfaces get new ids.
//! Nothing else changes, ever.

pub mod config;
pub mod control;
pub mod drops;
pub mod entry;
pub mod host;
pub mod layout;
pub mod meta;
pub mod packet;
pub mod policy;
pub mod sampling;
pub mod state;
pub mod status;

use layout::LayoutRow;

/// All function signatures of the ABI, in the order of the header.
pub const FUNCTIONS: [LayoutRow; 48] = [
    entry::CREATE_FN,
    entry::DESTROY_FN,
    entry::WORKER_INIT_FN,
    entry::WORKER_FINI_FN,
    entry::BATCH_FN,
    entry::WORKER_TICK_FN,
    entry::TICK_FN,
    entry::EVENT_FN,
    entry::INTERFACE_FN,
    entry::COMPLETED_FN,
    sampling::SAMPLED_FN,
    sampling::NEXT_SKIP_FN,
    sampling::NEXT_SKIP_OF_FN,
    drops::DROPPED_FN,
    drops::DROPS_WANTED_FN,
    config::CONFIGURE_FN,
    state::STATE_BEGIN_FN,
    state::STATE_END_FN,
    state::STATE_SAVE_FN,
    state::STATE_RESTORE_FN,
    state::STATE_SAVE_WORKER_FN,
    state::STATE_RESTORE_WORKER_FN,
    state::STATE_END_WORKER_FN,
    policy::PROPERTY_FN,
    policy::PROPERTY_DONE_FN,
    policy::STATUS_FN,
    host::LOG_FN,
    host::COUNTER_REGISTER_FN,
    host::COUNTER_ADD_FN,
    host::DROP_REASON_REGISTER_FN,
    host::GROUP_CREATE_FN,
    host::GROUP_UPDATE_FN,
    host::PORT_LIST_FN,
    host::PORT_QUERY_FN,
    host::SEND_DATAGRAM_FN,
    host::MAKE_WRITABLE_FN,
    host::REPARSE_FN,
    host::HOLD_FN,
    host::RELEASE_FN,
    host::DISCARD_FN,
    host::ORIGINATE_FN,
    host::CLONE_FN,
    host::INJECT_FN,
    host::DATAGRAM_COUNTS_FN,
    host::VLAN_QUERY_FN,
    host::INJECT_TO_FN,
    host::PORT_REFERENCE_FN,
    host::NIC_REFERENCE_FN,
];

macro_rules! constants {
    ($($module:ident::$name:ident: $ty:ty),+ $(,)?) => {
        /// All numbers both sides must agree on, in the order of the header.
        pub const CONSTANTS: [LayoutRow; 0 $(+ { let _ = stringify!($name); 1 })+] = [$({
            let value: $ty = $module::$name;
            layout::constant(stringify!($name), stringify!($ty), value as i64, core::mem::size_of::<$ty>())
        }),+];
    };
}

constants!(
    status::OK: i32,
    status::E_INVALID: i32,
    status::E_FULL: i32,
    status::E_FORBIDDEN: i32,
    status::E_GONE: i32,
    status::E_VETO: i32,
    status::E_PANIC: i32,
    status::E_CONFIG: i32,
    status::E_AGAIN: i32,
    status::E_FAILED: i32,
    status::ERROR_TEXT_LEN: usize,
    meta::ROLE_CAPTURE: u8,
    meta::ROLE_FILTER: u8,
    meta::ROLE_FORWARDING: u8,
    meta::ROLE_SERVICE: u8,
    meta::LITTLE_ENDIAN: u8,
    meta::CAPABILITY_INJECT: u64,
    meta::CAPABILITY_HOLD: u64,
    meta::CAPABILITY_MODIFY: u64,
    meta::CAPABILITY_GROUPS: u64,
    meta::CAPABILITY_OFFLOAD_FACTS: u64,
    packet::BATCH_MAX: u32,
    packet::HEADROOM_MIN: u32,
    packet::VERDICT_PASS: u8,
    packet::VERDICT_DROP: u8,
    packet::VERDICT_HOLD: u8,
    packet::VERDICT_TO_PORT: u8,
    packet::VERDICT_TO_GROUP: u8,
    packet::DROP_REASON_UNSPECIFIED: u16,
    packet::LEG_INGRESS: u8,
    packet::LEG_EGRESS: u8,
    packet::PACKET_ORIGINATED: u32,
    packet::PACKET_CLONE: u32,
    packet::PACKET_SHARED: u32,
    packet::PACKET_MIRROR: u32,
    packet::PACKET_NATIVE_FORWARDING: u32,
    packet::PACKET_FRAGMENT: u32,
    packet::PACKET_IP_OPTIONS: u32,
    packet::PACKET_PRESERVE_VLAN: u32,
    packet::PACKET_PRESERVE_PRIORITY: u32,
    packet::PACKET_PARTIAL_CHECKSUM: u32,
    packet::PACKET_GSO: u32,
    packet::PACKET_VLAN: u32,
    packet::PACKET_TRUNCATED: u32,
    packet::PACKET_INNER_TAG: u32,
    packet::GSO_NONE: u8,
    packet::GSO_TCP4: u8,
    packet::GSO_TCP6: u8,
    packet::GSO_UDP: u8,
    packet::BATCH_SINGLE_SOURCE: u8,
    control::EVENT_SWITCH_CREATE: u32,
    control::EVENT_SWITCH_ACTIVATE: u32,
    control::EVENT_SWITCH_DELETE: u32,
    control::EVENT_PORT_CREATE: u32,
    control::EVENT_PORT_UPDATED: u32,
    control::EVENT_PORT_TEARDOWN: u32,
    control::EVENT_PORT_DELETE: u32,
    control::EVENT_NIC_CREATE: u32,
    control::EVENT_NIC_CONNECT: u32,
    control::EVENT_NIC_UPDATED: u32,
    control::EVENT_NIC_DISCONNECT: u32,
    control::EVENT_NIC_DELETE: u32,
    control::PORT_EXTERNAL: u8,
    control::PORT_INTERNAL: u8,
    control::PORT_SYNTHETIC: u8,
    control::PORT_EMULATED: u8,
    control::PORT_VALIDATION: u32,
    control::NIC_NONE: u8,
    control::NIC_CREATED: u8,
    control::NIC_CONNECTED: u8,
    control::NIC_DISCONNECTED: u8,
    host::LOG_ERROR: u32,
    host::LOG_WARN: u32,
    host::LOG_INFO: u32,
    host::LOG_DEBUG: u32,
    sampling::SAMPLE_HEADER_MAX: u32,
    sampling::SAMPLE_OUTPUTS_MAX: usize,
    drops::DROP_HEADER_MAX: u32,
    config::CONFIG_KEYS_MAX: u32,
    config::CONFIG_BOOLEAN: u32,
    config::CONFIG_INTEGER: u32,
    config::CONFIG_TEXT: u32,
    config::CONFIG_CHOICE: u32,
    config::CONFIG_FIXED: u32,
    config::CONFIG_PREFIX: u32,
    state::STATE_SCHEMA_MAX: u32,
    state::STATE_PIECE_MIN: u32,
    state::STATE_BLOB_MAX: u32,
    state::STATE_BLOBS_MAX: u32,
    state::STATE_WORKER_MAX: u32,
    state::STATE_INSTANCE: u32,
    state::STATE_WORKER: u32,
    state::STATE_NIC: u32,
    state::STATE_KEEPS_HELD: u32,
    state::STATE_DONE: u32,
    state::STATE_ABANDONED: u32,
    policy::POLICY_FEATURES_MAX: u32,
    policy::POLICY_STATUS_MAX: u32,
    policy::FEATURE_PORT: u32,
    policy::FEATURE_SWITCH: u32,
    policy::FEATURE_SEVERAL: u32,
    policy::FEATURE_STATUS: u32,
    policy::STANDARD_VLAN: u32,
    policy::STANDARD_SECURITY: u32,
    policy::STANDARD_PROFILE: u32,
    policy::PROPERTY_ADD: u32,
    policy::PROPERTY_UPDATE: u32,
    policy::PROPERTY_DELETE: u32,
    policy::PROPERTY_VALIDATION: u32,
);

macro_rules! table {
    ($($t:ty),+ $(,)?) => {
        /// Number of rows in [`LAYOUT`].
        pub const LAYOUT_ROWS: usize = FUNCTIONS.len() + CONSTANTS.len() $(+ <$t>::FIELDS)+;
        /// The layout table of this version of the ABI: every struct, every function signature, every constant.
        pub const LAYOUT: [LayoutRow; LAYOUT_ROWS] = {
            let mut out = [layout::row("", "", "", 0, 0, 0); LAYOUT_ROWS];
            let mut at = 0;
            $({
                let rows = <$t>::LAYOUT;
                let mut i = 0;
                while i < rows.len() { out[at] = rows[i]; at += 1; i += 1; }
            })+
            let mut i = 0;
            while i < FUNCTIONS.len() { out[at] = FUNCTIONS[i]; at += 1; i += 1; }
            let mut i = 0;
            while i < CONSTANTS.len() { out[at] = CONSTANTS[i]; at += 1; i += 1; }
            assert!(at == LAYOUT_ROWS);
            out
        };
    };
}

table!(
    meta::Meta,
    status::Bytes,
    status::ErrorText,
    packet::Packet,
    packet::OffloadFacts,
    packet::Batch,
    control::PortInfo,
    control::Event,
    sampling::Sample,
    sampling::SamplingV1,
    drops::Dropped,
    drops::DropsV1,
    config::ConfigKey,
    config::ConfigV1,
    state::StatePiece,
    state::StateV1,
    policy::Feature,
    policy::Property,
    policy::PolicyV1,
    host::Destination,
    host::DatagramCounts,
    host::VlanCounters,
    host::Host,
    entry::ExtensionV1,
);

const _: () = assert!(core::mem::size_of::<packet::Packet>() == 64);
const _: () = assert!(core::mem::size_of::<packet::OffloadFacts>() == 16);
const _: () = assert!(core::mem::size_of::<meta::Meta>() == 384);

#[cfg(test)]
mod tests {
    use super::layout::LayoutRow;
    use super::{config, control, drops, entry, host, meta, packet, policy, sampling, state, status, LAYOUT};

    fn check(rows: &[LayoutRow], offsets: &[usize], size: usize) {
        assert_eq!(rows.len(), offsets.len());
        for (row, offset) in rows.iter().zip(offsets) {
            assert_eq!(row.offset as usize, *offset, "{:?}", String::from_utf8_lossy(&row.field));
            assert!(*offset + row.size as usize <= size);
        }
    }

    macro_rules! check_all {
        ($($t:ty),+ $(,)?) => {$(check(&<$t>::LAYOUT, &<$t>::compiler_offsets(), core::mem::size_of::<$t>());)+};
    }

    #[test]
    fn offsets_are_the_compilers_own() {
        check_all!(
            meta::Meta,
            status::Bytes,
            status::ErrorText,
            packet::Packet,
            packet::OffloadFacts,
            packet::Batch,
            control::PortInfo,
            control::Event,
            sampling::Sample,
            sampling::SamplingV1,
            drops::Dropped,
            drops::DropsV1,
            config::ConfigKey,
            config::ConfigV1,
            state::StatePiece,
            state::StateV1,
            policy::Feature,
            policy::Property,
            policy::PolicyV1,
            host::Destination,
            host::DatagramCounts,
            host::VlanCounters,
            host::Host,
            entry::ExtensionV1,
        );
    }

    #[test]
    fn no_two_rows_have_the_same_name() {
        let mut names: Vec<_> = LAYOUT.iter().map(|row| (row.owner, row.field)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), LAYOUT.len());
    }
}
