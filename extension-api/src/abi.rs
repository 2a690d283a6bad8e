//! The ABI itself: `#[repr(C)]` structs and tables of `extern "C"` function pointers, and nothing else.
//!
//! No Rust type, trait object, generic, allocation, panic or enum crosses. This module is what the C header is
//! generated from; vendors writing Rust use the safe layer in the crate root instead. Reading order: [`meta`],
//! [`entry`], [`packet`], [`host`], [`control`], [`status`], then optional interfaces ([`sampling`]).
//!
//! Growth within a major version: `growable` tables get optional slots at their end, new interfaces get new ids.
//! Nothing else changes, ever.

pub mod control;
pub mod entry;
pub mod host;
pub mod layout;
pub mod meta;
pub mod packet;
pub mod sampling;
pub mod status;

use layout::LayoutRow;

/// All function signatures of the ABI, in the order of the header.
pub const FUNCTIONS: [LayoutRow; 28] = [
    entry::CREATE_FN,
    entry::DESTROY_FN,
    entry::WORKER_INIT_FN,
    entry::WORKER_FINI_FN,
    entry::BATCH_FN,
    entry::WORKER_TICK_FN,
    entry::TICK_FN,
    entry::EVENT_FN,
    entry::INTERFACE_FN,
    sampling::SAMPLED_FN,
    sampling::NEXT_SKIP_FN,
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
];

macro_rules! table {
    ($($t:ty),+ $(,)?) => {
        /// Number of rows in [`LAYOUT`].
        pub const LAYOUT_ROWS: usize = FUNCTIONS.len() $(+ <$t>::FIELDS)+;
        /// The layout table of this version of the ABI: every struct, then every function signature.
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
    host::Host,
    entry::ExtensionV1,
);

const _: () = assert!(core::mem::size_of::<packet::Packet>() == 64);
const _: () = assert!(core::mem::size_of::<packet::OffloadFacts>() == 16);
const _: () = assert!(core::mem::size_of::<meta::Meta>() == 384);

#[cfg(test)]
mod tests {
    use super::layout::LayoutRow;
    use super::{control, entry, host, meta, packet, sampling, status, LAYOUT};

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
