//! A switch in virtual time, and an oracle that says who must receive which frame.
//!
//! [`sim`] drives one or several workers of `heddle-switch-core` the way the host does, but with one thread, a seeded
//! schedule and a clock that is a number; [`oracle`] is a second, simple statement of the switch's rules that shares no
//! code with it; [`frames`] builds numbered frames and the wire frames they must become; [`traffic`] makes random ones; [`stages`] are extensions
//! that record, drop, hold, lie and fail; [`judge`] compares what devices got with what the oracle says.
//!
//! A failing case prints its seed: `HEDDLE_SEED=…` runs that case alone, `HEDDLE_CASES=…` runs more or fewer cases.

pub mod bench;
pub mod captures;
pub mod cases;
pub mod frames;
pub mod judge;
pub mod memory;
pub mod oracle;
pub mod pcap;
pub mod sim;
pub mod stages;
pub mod traffic;
