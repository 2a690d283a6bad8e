//! Version 2: remembers when a connection was last seen, writes schema version 2 and reads 1.

#![forbid(unsafe_code)]

#[path = "../src/table.rs"]
mod table;
#[path = "../src/track.rs"]
mod track;

heddle_extension_api::export_extension!(filter track::Track<track::Two> {
    id: "org.heddle.test.track",
    name: "Test: track",
    vendor: "The Heddle developers",
    version: "2.0.0",
    capabilities: heddle_extension_api::Capabilities::HOLD,
    interfaces: [state],
});
