//! The data plane of the Heddle virtual switch: pure logic, no clock, no I/O, no threads, no locks.
//!
//! A [`worker::Worker`] forwards by an immutable [`snapshot::Snapshot`]; the host feeds it frames, messages and the time.
//! Reading order: `datapath` (the whole path on one screen), [`worker`], `intake`, `edge`, `egress`, `policy`,
//! `settle` and [`call`] (extensions), then the parts: [`arena`], [`pool`], [`burst`], [`parse`], [`fdb`], [`vlan`],
//! [`segment`], [`checksum`], [`held`], [`sample`], [`dropped`], [`vlan_count`], [`counters`], [`drop_reason`].

pub mod arena;
pub mod burst;
pub mod call;
pub mod checksum;
mod core_ops;
pub mod counters;
mod datapath;
pub mod drop_codes;
pub mod drop_reason;
pub mod dropped;
mod edge;
mod egress;
pub mod exchange;
pub mod fdb;
pub mod flaps;
pub mod frame;
pub mod held;
mod intake;
pub mod lent;
pub mod message;
pub mod offload;
pub mod parse;
pub mod pick;
mod policy;
pub mod pool;
pub mod port_id;
pub mod prefetch;
pub mod resume;
pub mod sample;
pub mod segment;
mod settle;
pub mod snapshot;
pub mod stage;
pub mod switch;
pub mod violation;
pub mod vlan;
pub mod vlan_count;
pub mod worker;
