//! Disks that are full or read-only: the change is undone and the error says why.

use super::books::{create, enable, id, memory, picture, port, start, switch};
use super::process::root_or_skip;
use heddle_host::control::error::ErrorClass;
use heddle_host::control::model::{Mtu, PortChange};
use heddle_host::control::plane::ControlPlane;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system of its own.
struct Disk(tempfile::TempDir);

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Disk {
    fn new() -> Disk {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        run("mount", &["-t", "tmpfs", "-o", "size=8m", "tmpfs", path]);
        Disk(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn remount(&self, how: &str) {
        run("mount", &["-o", &format!("remount,{how}"), self.path().to_str().unwrap()]);
    }

    /// Leaves no room at all.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

#[test]
fn a_full_disk_undoes_every_kind_of_change_and_room_makes_them_possible_again() {
    if !root_or_skip("a_full_disk_undoes_every_kind_of_change_and_room_makes_them_possible_again") {
        return;
    }
    let disk = Disk::new();
    let (_, plane) = start(disk.path());
    create(&plane, "lab").unwrap();
    plane.add_port(&switch("lab"), memory("web")).unwrap();
    enable(&plane, "lab", "com.example.tally").unwrap();
    let filler = disk.fill();
    // A store has some room of its own; fill that as well, with a change that fails in the end.
    let mtu = |mtu| PortChange { mtu: Some(Mtu::new(mtu).unwrap()), ..PortChange::default() };
    let mut refused = None;
    for nth in 0..4_000u32 {
        let name = format!("{}{nth}", "p".repeat(50));
        if let Err(error) = plane.add_port(&switch("lab"), memory(&name)) {
            refused = Some((error, name));
            break;
        }
    }
    let (error, name) = refused.expect("the disk to be full at last");
    assert_eq!(error.class(), ErrorClass::Limit, "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("nothing was changed, because the change cannot be kept: cannot write the stored state"),
        "{text}"
    );
    assert!(text.ends_with("make room on its file system"), "{text}");
    assert!(plane.port(&switch("lab"), &port(&name)).is_err(), "the port was taken away again");
    let held = picture(&plane);
    for answer in [
        create(&plane, "edge").map(drop),
        plane.set_port(&switch("lab"), &port("web"), mtu(9000)).map(drop),
        plane.remove_port(&switch("lab"), &port("web")),
        enable(&plane, "lab", "com.example.route").map(drop),
        plane.disable_extension(&switch("lab"), &id("com.example.tally")).map(drop),
        plane.delete_switch(&switch("lab")),
    ] {
        assert_eq!(answer.map_err(|error| error.class()), Err(ErrorClass::Limit));
    }
    assert_eq!(picture(&plane), held);
    std::fs::remove_file(filler).unwrap();
    plane.set_port(&switch("lab"), &port("web"), mtu(2000)).unwrap();
    let after = picture(&plane);
    drop(plane);
    assert_eq!(picture(&start(disk.path()).1), after);
}

#[test]
fn a_read_only_disk_is_named_and_what_it_holds_is_restored_all_the_same() {
    if !root_or_skip("a_read_only_disk_is_named_and_what_it_holds_is_restored_all_the_same") {
        return;
    }
    let disk = Disk::new();
    disk.remount("ro");
    let error = heddle_host::state::store::Store::open(disk.path()).unwrap_err().to_string();
    assert!(error.contains("mount its file system for writing or give another --state-dir"), "{error}");
    disk.remount("rw");
    create(&start(disk.path()).1, "lab").unwrap();
    disk.remount("ro");
    let (_, plane) = start(disk.path());
    assert_eq!(plane.switches().unwrap().len(), 1, "forwarding goes on");
    let error = create(&plane, "edge").unwrap_err().to_string();
    assert!(error.contains("mount its file system for writing"), "{error}");
    disk.remount("rw");
    create(&plane, "edge").unwrap();
    drop(plane);
    assert_eq!(start(disk.path()).1.switches().unwrap().len(), 2);
}
