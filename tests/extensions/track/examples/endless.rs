//! A version 1 that has never saved all it knows of worker 1.

#![forbid(unsafe_code)]

#[path = "../src/table.rs"]
mod table;
#[path = "../src/track.rs"]
mod track;

heddle_extension_api::export_extension!(filter track::Track<track::Endless> {
    id: "org.heddle.test.track",
    name: "Test: track",
    vendor: "The Heddle developers",
    version: "1.1.0",
    capabilities: heddle_extension_api::Capabilities::HOLD,
    interfaces: [state],
});
