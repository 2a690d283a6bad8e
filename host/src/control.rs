//! The operator's surface: one gRPC service on a UNIX socket in front of the data plane.
//!
//! Read in this order: `plane` is the border to the data plane, `model` the validated words that cross it, `error` the
//! answers other than yes; `wire` is the proto, `convert` the way between both; `socket`, `server`, `peer` and `seats`
//! bring a client in and say who it is; `rpc` and `stream` answer it.

pub mod bpf;
pub mod capture;
pub(crate) mod convert;
pub mod error;
pub mod log;
pub mod model;
pub mod peer;
pub mod plane;
pub mod rpc;
pub mod seats;
pub mod server;
pub mod socket;
pub mod status;
pub mod stream;
pub mod wire;
