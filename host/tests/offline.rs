//! A switch without daemon: what becomes of frames, with extensions in C loaded through the one loader.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use heddle_host::loader::{Library, load};
use heddle_host::offline::{InFrame, OfflineError, OfflineSetup, OfflineSwitch, plain_port};
use heddle_switch_core::switch::{EnableError, PortError};
use heddle_switch_core::vlan::VlanMode;

const MS: u64 = 1_000_000;

/// Builds one of the test extensions in C and loads it.
fn extension(name: &str, folder: &Path) -> Arc<Library> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (source, file) = (root.join(format!("tests/extensions/c/{name}.c")), folder.join(format!("{name}.so")));
    let mut compiler = Command::new("gcc");
    compiler.args(["-std=c11", "-O1", "-shared", "-fPIC", "-I"]).arg(root.join("extension-api/include"));
    let status = compiler.arg("-o").arg(&file).arg(source).status().unwrap();
    assert!(status.success(), "gcc {name}");
    let run: PathBuf = folder.join("run");
    std::fs::create_dir_all(&run).unwrap();
    Arc::new(load(&file, &run).unwrap())
}

fn frame(to: u8, from: u8, number: u8) -> InFrame {
    let mut bytes = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x88, 0xb5, number];
    bytes.resize(60, 0);
    InFrame { bytes, ..InFrame::default() }
}

#[test]
fn each_frame_has_its_fate() {
    let mut switch = OfflineSwitch::new(OfflineSetup { workers: 2, ..OfflineSetup::default() }).unwrap();
    let a = switch.add_port(plain_port("a")).unwrap();
    let b = switch.add_port(heddle_switch_core::switch::PortSpec { owner: 1, ..plain_port("b") }).unwrap();
    let c = switch.add_port(plain_port("c")).unwrap();
    // Unknown: flooded, over the ring to the other worker where that owns the port.
    let outcome = switch.feed(MS, 0, a, &[frame(2, 1, 7)]);
    assert_eq!((outcome.received, outcome.deliveries.len(), outcome.dropped, outcome.imbalance), (1, 2, 0, 0));
    assert_eq!(outcome.to(b).next().map(|to| (to.worker, to.bytes.clone())), Some((1, frame(2, 1, 7).bytes)));
    assert_eq!(outcome.to(c).count(), 1);
    // Learnt on one worker, known on the other.
    let outcome = switch.feed(2 * MS, 1, b, &[frame(1, 2, 8)]);
    assert_eq!((outcome.deliveries.len(), outcome.to(a).count()), (1, 1));
    // Dropped, with the reason and the first bytes.
    let outcome = switch.feed(3 * MS, 0, a, &[frame(1, 1, 9)]);
    let drop = outcome.drops.first().unwrap();
    assert_eq!((outcome.dropped, drop.reason.as_str(), drop.source), (1, "same-port", a));
    assert_eq!(drop.header, frame(1, 1, 9).bytes);
    switch.remove_port(c).unwrap();
    assert_eq!(switch.feed(4 * MS, 0, a, &[frame(9, 1, 7)]).deliveries.len(), 1);
}

#[test]
fn an_extension_drops_holds_and_releases_in_virtual_time() {
    let folder = tempfile::tempdir().unwrap();
    let library = extension("c-drop-hold", folder.path());
    let mut switch = OfflineSwitch::new(OfflineSetup::default()).unwrap();
    let (a, b) = (switch.add_port(plain_port("a")).unwrap(), switch.add_port(plain_port("b")).unwrap());
    assert!(matches!(switch.enable(&library, "n=x\n"), Err(OfflineError::Create(_))));
    let number = switch.enable(&library, "n=2\nms=5\n").unwrap();
    let outcome = switch.feed(10 * MS, 0, a, &[frame(2, 1, 1), frame(2, 1, 2)]);
    assert_eq!((outcome.held, outcome.dropped, outcome.deliveries.len()), (1, 1, 0));
    assert_eq!(outcome.drops[0].reason, "org.heddle.test.c-drop-hold/c-every-nth");
    assert_eq!(switch.tick(14 * MS).deliveries.len(), 0);
    let outcome = switch.tick(15 * MS);
    assert_eq!((outcome.held_before, outcome.held, outcome.to(b).count()), (1, 0, 1));
    let counters = switch.extension_counters(number);
    assert!(counters.contains(&("released".to_owned(), "frames".to_owned(), 1)), "{counters:?}");
    // What it holds when it goes ends with a reason.
    switch.feed(16 * MS, 0, a, &[frame(2, 1, 3)]);
    assert!(switch.disable(number) && !switch.disable(number));
    let outcome = switch.collect();
    assert_eq!((outcome.held, outcome.imbalance), (0, 0));
}

#[test]
fn groups_vlans_and_the_one_forwarding_extension() {
    let folder = tempfile::tempdir().unwrap();
    let library = extension("c-forward", folder.path());
    let mut switch = OfflineSwitch::new(OfflineSetup::default()).unwrap();
    let access =
        |vid: u16, name: &str| heddle_switch_core::switch::PortSpec { vlan: VlanMode::Access(vid), ..plain_port(name) };
    let ports: Vec<_> = ["a", "b"].map(|name| switch.add_port(access(10, name)).unwrap()).into();
    let other = switch.add_port(access(20, "c")).unwrap();
    switch.enable(&library, "").unwrap();
    let refused = switch.enable(&library, "");
    assert!(matches!(refused, Err(OfflineError::Enable(EnableError::SecondForwarding { .. }))));
    // The group was filled while the extension was told of the ports.
    let outcome = switch.feed(MS, 0, ports[0], &[frame(0xff, 1, 1)]);
    assert_eq!((outcome.to(ports[1]).count(), outcome.to(other).count()), (1, 0));
    assert_eq!(outcome.drops.iter().map(|drop| drop.reason.as_str()).collect::<Vec<_>>(), ["vlan-not-allowed-egress"]);
    assert!(matches!(switch.add_port(plain_port("a")), Err(PortError::NameTaken { .. })));
}
