//! A configuration file and the stored state: which of them wins, and when.

use super::books::{Books, create, enable, memory, picture, port, switch};
use heddle_host::config;
use heddle_host::control::model::{Mtu, PortChange};
use heddle_host::control::plane::ControlPlane;
use heddle_host::state::{Crashes, Durable, Wanted};
use std::path::Path;
use std::sync::Arc;

const FILE: &str = r#"
[[switch]]
name = "lab"
type = "external"
workers = 2

[[switch.port]]
name = "web"
backend = "memory"
device = "sink"
mtu = 9000

[[switch.extension]]
extension = "com.example.tally"
config = { rate = 256, agent = "10.0.0.1" }
"#;

fn start(directory: &Path, text: &str, start: &str) -> (Arc<Books>, Durable) {
    let books = Books::new();
    let state = config::parse(text).expect("a configuration");
    let wanted = Wanted { file: "/etc/heddle/heddled.toml".into(), state, start: start.to_owned() };
    let plane = Arc::clone(&books) as Arc<dyn ControlPlane>;
    let durable = Durable::open_with(plane, directory, Some(&wanted), &Crashes::default()).expect("a store");
    (books, durable)
}

#[test]
fn at_a_start_the_file_is_the_desired_state_and_what_is_not_in_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let (_, plane) = super::books::start(directory.path());
    create(&plane, "edge").unwrap();
    create(&plane, "lab").unwrap();
    plane.add_port(&switch("lab"), memory("db")).unwrap();
    plane.add_port(&switch("lab"), memory("web")).unwrap();
    enable(&plane, "lab", "com.example.route").unwrap();
    drop(plane);
    let (_, plane) = start(directory.path(), FILE, "one");
    assert_eq!(plane.switches().unwrap().iter().map(|view| view.name.as_str()).collect::<Vec<_>>(), ["lab"]);
    let ports = plane.ports(&switch("lab")).unwrap();
    assert_eq!(ports.iter().map(|view| (view.name.as_str(), view.mtu)).collect::<Vec<_>>(), [("web", 9000)]);
    let extensions = plane.extensions(Some(&switch("lab"))).unwrap();
    assert_eq!(extensions.len(), 1);
    assert_eq!((extensions[0].id.as_str(), extensions[0].config["rate"].as_str()), ("com.example.tally", "256"));
    let before = picture(&plane);
    drop(plane);
    assert_eq!(picture(&super::books::start(directory.path()).1), before, "it is stored");
}

#[test]
fn later_changes_hold_over_a_crash_until_the_next_start_with_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let (_, plane) = start(directory.path(), FILE, "one");
    let change = PortChange { mtu: Some(Mtu::new(1400).unwrap()), ..PortChange::default() };
    plane.set_port(&switch("lab"), &port("web"), change).unwrap();
    plane.add_port(&switch("lab"), memory("db")).unwrap();
    let changed = picture(&plane);
    drop(plane);
    let (_, plane) = start(directory.path(), FILE, "one");
    assert_eq!(picture(&plane), changed, "the same start: another switch process after a crash");
    drop(plane);
    let (_, plane) = start(directory.path(), FILE, "two");
    assert_eq!(plane.ports(&switch("lab")).unwrap().len(), 1);
    assert_eq!(plane.port(&switch("lab"), &port("web")).unwrap().mtu, 9000);
}
