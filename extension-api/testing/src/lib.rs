//! The test kit: an extension inside its own unit tests, without a switch, a daemon or rights.
//!
//! [`TestSwitch`] calls an extension as a switch does, through the tables its `export_extension!` made; [`Frame`] builds
//! what it is shown; the clock stands still until the test moves it, and what the extension asked of the host is there to
//! be looked at. One worker, no policy, no forwarding of its own: it shows what the extension decides, and
//! `heddle extension try` and `heddle-conformance` show what a switch makes of it.
//!
//! ```no_run
//! # #[macro_use] extern crate heddle_extension_api;
//! # use heddle_extension_api::*;
//! # struct Firewall;
//! # impl FilterExtension for Firewall {
//! #     type Worker = Firewall;
//! #     fn create(_: &Control<'_, rights::Filter>, _: &Config<'_>) -> Result<Self, CreateError> { Ok(Firewall) }
//! #     fn worker(&mut self, _: WorkerId) -> Result<Firewall, CreateError> { Ok(Firewall) }
//! # }
//! # impl FilterWorker for Firewall {}
//! # export_extension!(filter Firewall { id: "org.example.x", name: "x", vendor: "x", version: "1" });
//! use heddle_extension_testing::{Fate, Frame, TestSwitch};
//!
//! fn short_frames_pass() -> Result<(), String> {
//!     let mut switch = TestSwitch::new(&EXPORTED).port(1, "web").port(2, "db").start()?;
//!     let outcomes = switch.ingress(&[Frame::udp().from_port(1).payload(b"hello")]);
//!     assert_eq!(outcomes[0].fate, Fate::Passed);
//!     switch.advance_ms(100);
//!     assert_eq!(switch.counter("too-long"), Some(0));
//!     switch.stop()
//! }
//! # fn main() {}
//! ```
//!
//! What breaks the contract (an unknown verdict, a frame still held when the extension is stopped, a panic) ends the
//! test with a sentence that says so.

#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

mod frame;
mod host;
mod lab;
mod policy;
mod switch;
mod table;

pub use frame::Frame;
pub use host::{Datagram, HostCall, Injected, LogLine};
pub use switch::{Fate, Outcome, TestSwitch, TestSwitchBuilder};
