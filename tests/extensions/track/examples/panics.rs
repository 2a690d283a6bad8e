//! A version 2 that panics at the thousandth packet of a worker.

#![forbid(unsafe_code)]

#[path = "../src/table.rs"]
mod table;
#[path = "../src/track.rs"]
mod track;

heddle_extension_api::export_extension!(filter track::Track<track::Panics> {
    id: "org.heddle.test.track",
    name: "Test: track",
    vendor: "The Heddle developers",
    version: "2.2.0",
    capabilities: heddle_extension_api::Capabilities::HOLD,
    interfaces: [state],
});
