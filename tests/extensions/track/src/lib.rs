//! A connection tracker, version 1: counts packets by connection, and each connection it had to make anew.
//!
//! `examples/` has its later versions and some that go wrong; [`track`] is what they share.

#![forbid(unsafe_code)]

mod table;
mod track;

heddle_extension_api::export_extension!(filter track::Track<track::One> {
    id: "org.heddle.test.track",
    name: "Test: track",
    vendor: "The Heddle developers",
    version: "1.0.0",
    capabilities: heddle_extension_api::Capabilities::HOLD,
    interfaces: [state],
});
