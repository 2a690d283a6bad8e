//! The operator's surface: one gRPC service on a UNIX socket in front of the data plane.
//!
//! `plane` is the border to the data plane, `model` the validated words that cross it, `error` the answers other than yes.

pub mod capture;
pub(crate) mod convert;
pub mod error;
pub mod model;
pub mod plane;
pub mod wire;
