//! What cannot be brought back stays desired, says why, and comes back by itself.

use super::books::{create, enable, id, memory, picture, port, start, switch, trunk};
use heddle_host::control::error::ControlError;
use heddle_host::control::model::{
    BackendKind, BackendSpec, ExtensionRole, FailPolicy, Mtu, NicState, PortChange, PortSpec,
};
use heddle_host::control::plane::ControlPlane;
use heddle_host::state::Durable;
use heddle_host::state::record::ExtensionRecord;
use heddle_host::state::store::{Edit, Store};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A start at which no port can be opened.
fn start_without_devices(directory: &Path) -> (Arc<super::books::Books>, Durable) {
    let books = super::books::Books::new();
    books.no_devices.store(true, Ordering::Relaxed);
    let plane = Durable::open(Arc::clone(&books) as Arc<dyn ControlPlane>, directory).unwrap();
    (books, plane)
}

fn with_two_ports(directory: &Path) -> String {
    let (_, plane) = start(directory);
    create(&plane, "lab").unwrap();
    plane.add_port(&switch("lab"), memory("web")).unwrap();
    plane.add_port(&switch("lab"), memory("db")).unwrap();
    picture(&plane)
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_port_without_its_device_says_so_and_returns_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let before = with_two_ports(directory.path());
    let (books, plane) = start_without_devices(directory.path());
    let view = plane.port(&switch("lab"), &port("web")).unwrap();
    assert_eq!(view.trouble.as_deref(), Some("device 'eth0' does not exist; `ip link` shows the ones that do"));
    assert_eq!((view.nic_state, view.id), (NicState::Absent, 0));
    assert_eq!(plane.ports(&switch("lab")).unwrap().len(), 2);
    assert_eq!(plane.switch(&switch("lab")).unwrap().ports, 2);
    let taken = plane.add_port(&switch("lab"), memory("web"));
    assert!(matches!(taken, Err(ControlError::PortExists { .. })), "{taken:?}");
    books.no_devices.store(false, Ordering::Relaxed);
    wait_for("the ports to return", || picture(&plane) == before);
}

#[test]
fn a_port_on_an_existing_device_is_kept_under_the_name_the_device_has() {
    let directory = tempfile::tempdir().unwrap();
    let stored = || -> Vec<String> {
        let records = Store::open(directory.path()).unwrap().load().unwrap().remove(0).ports;
        records.into_iter().map(|(_, record)| record.device.unwrap()).collect()
    };
    let (books, plane) = start(directory.path());
    create(&plane, "lab").unwrap();
    let uplink = BackendSpec::new(BackendKind::Packet, Some("eth7")).unwrap();
    let uplink = PortSpec::new(port("up"), uplink, &PortChange::default()).unwrap();
    for spec in [uplink, memory("web"), trunk("tap")] {
        plane.add_port(&switch("lab"), spec).unwrap();
    }
    *books.renamed.lock().unwrap() = Some("wan0");
    // Although nothing waits to be restored.
    wait_for("the new name to be asked for", || books.told_of_names.load(Ordering::Relaxed));
    // What was begun is stored before the plane is gone.
    drop(plane);
    assert_eq!(stored(), ["wan0", "sink", "tapx"], "the name of a TAP device is what it shall be called");
}

#[test]
fn an_absent_port_can_be_changed_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    with_two_ports(directory.path());
    let (books, plane) = start_without_devices(directory.path());
    let change = PortChange { mtu: Some(Mtu::new(1400).unwrap()), ..PortChange::default() };
    assert_eq!(plane.set_port(&switch("lab"), &port("db"), change).unwrap().mtu, 1400);
    plane.remove_port(&switch("lab"), &port("web")).unwrap();
    drop((books, plane));
    let (_, plane) = start(directory.path());
    let ports = plane.ports(&switch("lab")).unwrap();
    assert_eq!(ports.iter().map(|view| (view.name.as_str(), view.mtu)).collect::<Vec<_>>(), [("db", 1400)]);
}

#[test]
fn an_extension_that_is_gone_says_so_blocks_nothing_and_can_be_disabled() {
    let directory = tempfile::tempdir().unwrap();
    with_two_ports(directory.path());
    let record = ExtensionRecord {
        extension: "/opt/nosuch/libgone.so".to_owned(),
        id: None,
        config: [("rate".to_owned(), heddle_host::state::record::ConfigValue("5".to_owned()))].into(),
        config_text: None,
        former: None,
        sha256: None,
        former_sha256: None,
        on_probation: false,
        isolation: heddle_host::control::model::Isolation::None,
        late_after: None,
        kill_after: None,
        role: None,
        fail_policy: FailPolicy::Open,
    };
    let mut store = Store::open(directory.path()).unwrap();
    store.commit(&[Edit::PutExtension(&switch("lab"), 0, "/opt/nosuch/libgone.so", &record)]).unwrap();
    drop(store);
    let (_, plane) = start(directory.path());
    enable(&plane, "lab", "com.example.tally").unwrap();
    assert_eq!(plane.ports(&switch("lab")).unwrap().len(), 2, "the rest is there");
    let view = plane.extension(&switch("lab"), &id("libgone")).unwrap();
    assert!(view.enabled && !view.running);
    assert!(view.last_error.as_deref().unwrap().contains("libgone.so"), "{view:?}");
    assert_eq!(view.config["rate"], "5");
    assert_eq!(plane.switch(&switch("lab")).unwrap().extensions, ["com.example.tally", "libgone"]);
    assert!(!plane.disable_extension(&switch("lab"), &id("libgone")).unwrap().enabled);
    drop(plane);
    let (_, plane) = start(directory.path());
    assert_eq!(plane.switch(&switch("lab")).unwrap().extensions, ["com.example.tally"]);
}

#[test]
fn a_switch_that_is_absent_keeps_its_ports_and_can_be_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let (_, plane) = start(directory.path());
    // One more than the plane of this test takes at once: the last in the order of names stays out.
    for name in ["a", "b", "c", "d"] {
        create(&plane, name).unwrap();
    }
    plane.add_port(&switch("d"), memory("web")).unwrap();
    drop(plane);
    let mut store = Store::open(directory.path()).unwrap();
    let spec = store.load().unwrap().into_iter().next().unwrap().switch;
    let extra = heddle_host::state::record::SwitchRecord { name: switch("aa"), ..spec };
    store.commit(&[Edit::PutSwitch(&extra)]).unwrap();
    drop(store);
    let (_, plane) = start(directory.path());
    assert_eq!(plane.switches().unwrap().len(), 5);
    let trouble = plane.port(&switch("d"), &port("web")).unwrap().trouble.unwrap();
    assert!(trouble.contains("waits for switch 'd'"), "{trouble}");
    let refused = plane.add_port(&switch("d"), memory("db")).unwrap_err().to_string();
    assert!(refused.contains("is not running: the limit of 4 switches is reached"), "{refused}");
    plane.delete_switch(&switch("aa")).unwrap();
    wait_for("switch d to return", || plane.port(&switch("d"), &port("web")).unwrap().trouble.is_none());
    plane.delete_switch(&switch("d")).unwrap();
    drop(plane);
    assert_eq!(start(directory.path()).1.switches().unwrap().len(), 3);
}

/// A port whose frames are dropped where an extension fails on them.
fn closed(name: &str) -> PortSpec {
    let change = PortChange { fail_policy: Some(FailPolicy::Closed), ..PortChange::default() };
    let backend = BackendSpec::new(BackendKind::Memory, Some("sink")).unwrap();
    PortSpec::new(port(name), backend, &change).unwrap()
}

/// A switch with a port that fails closed, one that fails open, and an extension whose file is gone.
fn with_a_filter_that_is_gone(directory: &Path, role: Option<ExtensionRole>) {
    with_an_extension_that_is_gone(directory, role, FailPolicy::Open);
}

fn with_an_extension_that_is_gone(directory: &Path, role: Option<ExtensionRole>, fail_policy: FailPolicy) {
    let (_, plane) = start(directory);
    create(&plane, "lab").unwrap();
    plane.add_port(&switch("lab"), closed("inside")).unwrap();
    plane.add_port(&switch("lab"), memory("web")).unwrap();
    drop(plane);
    let record = ExtensionRecord {
        extension: "/opt/nosuch/libgone.so".to_owned(),
        id: Some(id("com.example.gone")),
        config: Default::default(),
        config_text: None,
        fail_policy,
        former: None,
        sha256: None,
        former_sha256: None,
        on_probation: false,
        isolation: heddle_host::control::model::Isolation::None,
        late_after: None,
        kill_after: None,
        role,
    };
    let mut store = Store::open(directory).unwrap();
    store.commit(&[Edit::PutExtension(&switch("lab"), 0, "com.example.gone", &record)]).unwrap();
}

fn trouble(plane: &Durable, name: &str) -> Option<String> {
    plane.port(&switch("lab"), &port(name)).unwrap().trouble
}

#[test]
fn a_port_that_fails_closed_waits_for_a_filter_that_is_gone() {
    for role in [Some(ExtensionRole::Filter), Some(ExtensionRole::Forwarding), None] {
        let directory = tempfile::tempdir().unwrap();
        with_a_filter_that_is_gone(directory.path(), role);
        let (books, plane) = start(directory.path());
        let said = trouble(&plane, "inside").unwrap();
        assert!(said.starts_with("port 'inside' gets no traffic: extension 'com.example.gone' fails closed"), "{said}");
        assert!(said.contains("libgone.so does not exist"), "{said}");
        assert!(said.contains("`heddle extension disable lab com.example.gone`"), "{said}");
        assert!(trouble(&plane, "web").is_none(), "it fails open");
        assert_eq!(plane.port(&switch("lab"), &port("inside")).unwrap().nic_state, NicState::Absent);
        assert!(!books.requests().contains(&"add lab/inside".to_owned()), "it was never plugged in");
        let view = plane.switch(&switch("lab")).unwrap();
        assert!(view.troubles[0].contains("'com.example.gone' does not run: no traffic on inside: "), "{view:?}");
        let shown = plane.extension(&switch("lab"), &id("com.example.gone")).unwrap().role;
        assert_eq!(shown, role.unwrap_or(ExtensionRole::Unknown));
        plane.disable_extension(&switch("lab"), &id("com.example.gone")).unwrap();
        assert_eq!(trouble(&plane, "inside"), None, "it does not wait once the filter is not wanted");
    }
}

#[test]
fn another_policy_ends_the_wait_and_begins_it() {
    let directory = tempfile::tempdir().unwrap();
    with_a_filter_that_is_gone(directory.path(), Some(ExtensionRole::Filter));
    let (books, plane) = start(directory.path());
    let policy = |policy| PortChange { fail_policy: Some(policy), ..PortChange::default() };
    let view = plane.set_port(&switch("lab"), &port("inside"), policy(FailPolicy::Open)).unwrap();
    assert_eq!(view.trouble, None);
    assert!(books.requests().contains(&"add lab/inside".to_owned()));
    let view = plane.set_port(&switch("lab"), &port("web"), policy(FailPolicy::Closed)).unwrap();
    assert!(view.trouble.unwrap().contains("gets no traffic"));
    assert!(books.requests().contains(&"remove lab/web".to_owned()));
    let refused = plane.add_port(&switch("lab"), closed("new")).unwrap_err().to_string();
    assert!(refused.starts_with("port 'new' gets no traffic"), "{refused}");
    plane.add_port(&switch("lab"), memory("other")).unwrap();
    let view = plane.switch(&switch("lab")).unwrap();
    assert!(view.troubles[0].contains("no traffic on web: "), "{view:?}");
}

#[test]
fn nothing_waits_for_a_capture_that_is_gone() {
    for role in [ExtensionRole::Capture, ExtensionRole::Service] {
        let directory = tempfile::tempdir().unwrap();
        with_a_filter_that_is_gone(directory.path(), Some(role));
        let (_, plane) = start(directory.path());
        assert_eq!(trouble(&plane, "inside"), None);
        let view = plane.switch(&switch("lab")).unwrap();
        assert!(view.troubles[0].contains("does not run: frames pass: "), "{view:?}");
    }
}

#[test]
fn where_the_port_says_nothing_the_policy_of_the_extension_decides() {
    let directory = tempfile::tempdir().unwrap();
    with_an_extension_that_is_gone(directory.path(), Some(ExtensionRole::Filter), FailPolicy::Closed);
    let (_, plane) = start(directory.path());
    assert!(trouble(&plane, "inside").unwrap().contains("gets no traffic"));
    assert!(trouble(&plane, "web").unwrap().contains("gets no traffic"));
    let open = PortChange { fail_policy: Some(FailPolicy::Open), ..PortChange::default() };
    plane.set_port(&switch("lab"), &port("web"), open).unwrap();
    assert_eq!(trouble(&plane, "web"), None, "what the port says goes first");
}
