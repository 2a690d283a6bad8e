//! The engine as a whole, without privileges: real worker threads, real extensions, ports in memory.
//!
//! Numbered frames are the judge: what leaves the switch is compared with what went in, frame by frame, while ports and
//! extensions come and go. Every test ends with the conservation law: its balance is 0 and nothing is left inside.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bogus;
mod capture;
mod cheats;
mod configuration;
mod crowd;
mod drops;
mod extensions;
mod governed;
mod hoarders;
mod hostile;
mod isolated_control;
mod isolated_harm;
mod isolated_upgrade;
mod isolation;
mod lab;
mod loops;
mod many_ports;
mod order;
mod panicking;
mod policies;
mod ports;
mod powers;
mod probation;
mod references;
mod refusals;
mod replay;
mod specimens;
mod stamps;
mod storm;
mod swap;
mod traffic;
mod upgrade;
mod violations;
mod vlan;
mod volatile;
mod workers;
