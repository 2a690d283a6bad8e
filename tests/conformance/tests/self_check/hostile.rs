//! Bad surroundings: a file that changes, a child that is killed, no room on disk, another user, a folder that is read-only.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{HARNESS, behaving, misbehaving, word};

/// Waits for something to be there.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "there is no {what} after 30 s");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn report(child: Child) -> Value {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_file_that_changes_while_it_is_judged_changes_nothing() {
    let folder = behaving();
    let (own, folder) = (tempfile::tempdir().unwrap(), folder.join("c-forward.so"));
    let file = own.path().join("changes.so");
    std::fs::copy(folder, &file).unwrap();
    let before = Command::new("sha256sum").arg(&file).output().unwrap();
    let places = tempfile::tempdir().unwrap();
    let child = Command::new(HARNESS)
        .args(["run", file.to_str().unwrap(), "--level", "role", "--format", "json", "--quick", "--limit", "60"])
        .env("TMPDIR", places.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Its folder for copies is made when the file has been read.
    let _ = wait_for("folder for copies", || std::fs::read_dir(places.path()).unwrap().next());
    std::fs::write(&file, b"something else").unwrap();
    let report = report(child);
    assert!(report["failed"] == 0 && report["skipped"] == 0, "{report:#}");
    assert!(String::from_utf8_lossy(&before.stdout).starts_with(word(&report, "sha256")));
    assert_eq!(std::fs::read_dir(places.path()).unwrap().count(), 0, "it left something behind");
}

/// The child processes of a process.
fn children(of: u32) -> Vec<i32> {
    let list = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

#[test]
fn a_case_whose_process_is_killed_failed_and_the_others_go_on() {
    let folder = misbehaving();
    // It never comes back from this case, so there is something to kill.
    let file = folder.join("tcp-options-lie.so");
    let child = Command::new(HARNESS)
        .args(["run", file.to_str().unwrap(), "--only", "tcp-options-lie,floating-point-left-alone,jumbo-frames"])
        .args(["--format", "json", "--limit", "300", "--parallel", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The one that is still there after a while of its own processor time is the one without an end.
    let busy = |process: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let ticks: u64 = stat.rsplit(')').next()?.split_whitespace().nth(11)?.parse().ok()?;
        (ticks > 100).then_some(*process)
    };
    let endless = wait_for("endless case", || children(child.id()).iter().find_map(busy));
    assert!(Command::new("kill").args(["-KILL", &endless.to_string()]).status().unwrap().success());
    let report = report(child);
    let rows = report["cases"].as_array().unwrap();
    let of = |name: &str| rows.iter().find(|row| word(row, "name") == name).unwrap();
    assert_eq!(word(of("tcp-options-lie"), "outcome"), "failed");
    assert!(word(of("tcp-options-lie"), "detail").contains("SIGKILL"), "{report:#}");
    assert!(report["failed"] == 1 && report["passed"] == 2, "{report:#}");
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// Notes what was left out.
fn left_out(name: &str) {
    if let Some(ledger) = std::env::var_os("HEDDLE_LEDGER") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(ledger).unwrap();
        std::io::Write::write_all(&mut file, format!("conformance: {name}: needs root\n").as_bytes()).unwrap();
    }
}

/// What a name space of its own mounts and runs.
fn apart(script: &str, arguments: &[&Path]) -> std::process::Output {
    let words: Vec<PathBuf> = arguments.iter().map(|path| path.to_path_buf()).collect();
    Command::new("unshare")
        .args(["--mount", "--net", "--propagation", "private", "bash", "-euc", script, "in-a-name-space"])
        .args(words)
        .output()
        .unwrap()
}

#[test]
fn a_full_disk_is_told_and_no_room_for_copies_is_no_end() {
    if !is_root() {
        return left_out("a_full_disk_is_told_and_no_room_for_copies_is_no_end");
    }
    let folder = behaving();
    let (file, full) = (folder.join("c-drop-hold.so"), tempfile::tempdir().unwrap());
    // A disk with room for a folder and for no copy.
    let script = "mount -t tmpfs -o size=8k tmpfs \"$3\"; head -c 8192 /dev/zero >\"$3/full\" || true; \
        TMPDIR=$3 \"$1\" run \"$2\" --level loads --format json --limit 60";
    let output = apart(script, &[Path::new(HARNESS), &file, full.path()]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let failed = report["cases"].as_array().unwrap().iter().find(|row| word(row, "outcome") == "failed");
    assert!(failed.is_some_and(|row| word(row, "detail").contains("No space left")), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn nobody_runs_it_in_a_folder_that_is_read_only_without_a_network() {
    if !is_root() {
        return left_out("nobody_runs_it_in_a_folder_that_is_read_only_without_a_network");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(behaving().join("c-forward.so"), folder.path().join("c-forward.so")).unwrap();
    std::fs::copy(HARNESS, folder.path().join("heddle-conformance")).unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    for isolation in ["none", "process"] {
        // A name space of its own has no network but a loopback that is down.
        let script = "mount --bind \"$1\" \"$1\"; mount -o remount,ro,bind \"$1\"; cd \"$1\"; \
            ! touch written 2>/dev/null; setpriv --reuid=65534 --regid=65534 --clear-groups \
            ./heddle-conformance run c-forward.so --quick --limit 60 --isolation \"$2\"";
        let output = apart(script, &[folder.path(), Path::new(isolation)]);
        assert_eq!(output.status.code(), Some(3), "{isolation}: {output:?}");
    }
}

#[test]
fn it_needs_the_c_library_and_nothing_else() {
    let output = Command::new("ldd").arg(HARNESS).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let known = ["linux-vdso", "ld-linux", "libc.so.6", "libm.so.6", "libgcc_s.so.1"];
    let other = text.lines().find(|line| !known.iter().any(|name| line.contains(name)));
    assert!(output.status.success() && other.is_none(), "{text}");
    // Its name is not asked for: a process that was renamed is the child's program as well.
    let renamed = Command::new(HARNESS).arg0("judge").arg("list").output().unwrap();
    assert!(renamed.status.success());
}
