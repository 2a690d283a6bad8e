//! Version 4: writes schema version 4 and has forgotten how to read those before 3.

#![forbid(unsafe_code)]

#[path = "../src/table.rs"]
mod table;
#[path = "../src/track.rs"]
mod track;

heddle_extension_api::export_extension!(filter track::Track<track::DropsOld> {
    id: "org.heddle.test.track",
    name: "Test: track",
    vendor: "The Heddle developers",
    version: "4.0.0",
    capabilities: heddle_extension_api::Capabilities::HOLD,
    interfaces: [state],
});
