//! A version 2 that refuses the state of its instance.

#![forbid(unsafe_code)]

#[path = "../src/table.rs"]
mod table;
#[path = "../src/track.rs"]
mod track;

heddle_extension_api::export_extension!(filter track::Track<track::Refuses> {
    id: "org.heddle.test.track",
    name: "Test: track",
    vendor: "The Heddle developers",
    version: "2.1.0",
    capabilities: heddle_extension_api::Capabilities::HOLD,
    interfaces: [state],
});
