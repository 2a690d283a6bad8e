//! The events an operator's doings cause, in a namespace where nobody else does anything.

use crate::rig::{Namespace, PATIENCE, privileged};
use heddle_host::ports::device::{DeviceChange, DeviceWatch};
use std::time::{Duration, Instant};

fn await_change(watch: &mut DeviceWatch, name: &str, wanted: impl Fn(&DeviceChange) -> bool) -> u32 {
    let (start, mut seen) = (Instant::now(), Vec::new());
    while start.elapsed() < PATIENCE {
        let events = watch.poll();
        if let Some(event) = events.iter().find(|event| event.name == name && wanted(&event.change)) {
            return event.index;
        }
        seen.extend(events);
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("no such event for {name} among {seen:?}");
}

#[test]
fn devices_are_followed_from_appearance_to_removal() {
    if !privileged("device::devices_are_followed_from_appearance_to_removal") {
        return;
    }
    let space = Namespace::new();
    space.ip("link add old type veth peer name other");
    let mut watch = space.run(|| DeviceWatch::open().unwrap());
    assert_eq!(watch.poll(), [], "what was there causes no event");
    let (index, state) = watch.find("old").unwrap();
    assert_eq!((state.mtu, state.up, state.carrier), (1_500, false, false));
    let mac = state.mac.unwrap();

    space.ip("link set old up");
    assert_eq!(await_change(&mut watch, "old", |change| *change == DeviceChange::Admin(true)), index);
    space.ip("link set other up");
    await_change(&mut watch, "old", |change| *change == DeviceChange::Carrier(true));
    space.ip("link set other down");
    await_change(&mut watch, "old", |change| *change == DeviceChange::Carrier(false));
    space.ip("link set old mtu 4000");
    await_change(&mut watch, "old", |change| *change == DeviceChange::Mtu { from: 1_500, to: 4_000 });
    space.ip("link set old down");
    await_change(&mut watch, "old", |change| *change == DeviceChange::Admin(false));
    space.ip("link set old name new");
    let renamed = DeviceChange::Renamed { from: "old".to_owned() };
    assert_eq!(await_change(&mut watch, "new", |change| *change == renamed), index);
    space.ip("link set new address 02:00:00:00:00:77");
    await_change(&mut watch, "new", |change| *change == DeviceChange::Mac(Some([2, 0, 0, 0, 0, 0x77])));
    assert_ne!(watch.device(index).unwrap().mac, Some(mac));

    // Into a kernel bridge and out again is no removal.
    space.ip("link add br0 type bridge");
    space.ip("link set new master br0");
    space.ip("link set new nomaster");
    space.ip("link add late type veth peer name later");
    await_change(&mut watch, "late", |change| matches!(change, DeviceChange::Appeared(state) if !state.up));
    assert!(watch.device(index).is_some());
    space.ip("link del new");
    assert_eq!(await_change(&mut watch, "new", |change| *change == DeviceChange::Removed), index);
    assert!(watch.device(index).is_none() && watch.find("new").is_none());
}

#[test]
fn lost_messages_are_made_up_for() {
    if !privileged("device::lost_messages_are_made_up_for") {
        return;
    }
    let space = Namespace::new();
    space.ip("link add gone type veth peer name gone2");
    space.ip("link add kept type veth peer name kept2");
    let mut watch = space.run(|| DeviceWatch::open().unwrap());
    // More messages than the socket's buffer holds, while nobody polls.
    let commands: String = (0..600).map(|n| format!("link set kept mtu {}\n", 1_000 + n % 7)).collect();
    let last = "link del gone\nlink set kept mtu 1234\nlink add new type veth peer name new2\n";
    let file = std::env::temp_dir().join(&space.name);
    std::fs::write(&file, commands + last).unwrap();
    space.ip(&format!("-batch {}", file.display()));
    let _ = std::fs::remove_file(&file);
    let start = Instant::now();
    while watch.find("new").is_none() || watch.find("gone").is_some() {
        assert!(start.elapsed() < PATIENCE);
        watch.poll();
    }
    assert_eq!(watch.find("kept").map(|(_, state)| state.mtu), Some(1_234));
}
