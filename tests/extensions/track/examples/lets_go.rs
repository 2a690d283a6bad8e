//! A version 2 that does not name held frames in its state.

#![forbid(unsafe_code)]

#[path = "../src/table.rs"]
mod table;
#[path = "../src/track.rs"]
mod track;

heddle_extension_api::export_extension!(filter track::Track<track::LetsGo> {
    id: "org.heddle.test.track",
    name: "Test: track",
    vendor: "The Heddle developers",
    version: "2.3.0",
    capabilities: heddle_extension_api::Capabilities::HOLD,
    interfaces: [state],
});
