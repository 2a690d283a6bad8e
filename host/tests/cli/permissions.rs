//! Who may do what. Root starts the daemon; `nobody` comes with and without the group.

use super::process::{Daemon, Outcome, heddled, root_or_skip, wait_for};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

const NOBODY: &str = "65534";
/// A group that exists on no host; the daemon sees it through an /etc/group of its own.
const GROUP: u32 = 64_242;

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// heddle as nobody, with one supplementary group.
fn as_nobody(daemon: &Daemon, group: u32, line: &str) -> Outcome {
    // A copy, because nobody may not be able to reach the build directory.
    let binary = daemon.directory.path().join("heddle");
    if !binary.exists() {
        std::fs::copy(env!("CARGO_BIN_EXE_heddle"), &binary).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--groups", &group.to_string()]).arg(binary);
    command.args(line.split_whitespace()).env("HEDDLE_SOCKET", daemon.socket()).current_dir("/");
    command.output().unwrap().into()
}

#[test]
fn strangers_are_kept_out_by_the_mode_and_refused_by_name() {
    if !root_or_skip("strangers_are_kept_out_by_the_mode_and_refused_by_name") {
        return;
    }
    let daemon = Daemon::single();
    mode(daemon.directory.path(), 0o755);
    let outcome = as_nobody(&daemon, 65_534, "switch list");
    let socket = daemon.socket();
    let expected = format!(
        "heddle: you may not connect to {}; run the command as root or join the group heddle to read\n",
        socket.display()
    );
    assert_eq!((outcome.code, outcome.stderr), (6, expected));
    mode(&socket, 0o666);
    let outcome = as_nobody(&daemon, 65_534, "switch list");
    let expected =
        "heddle: user id 65534 may not use this daemon; run the command as root or join the group heddle to read\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (6, expected));
}

#[test]
fn members_of_the_group_read_and_do_not_change() {
    if !root_or_skip("members_of_the_group_read_and_do_not_change") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    mode(directory.path(), 0o755);
    let groups = directory.path().join("group");
    std::fs::write(&groups, format!("root:x:0:\nheddle:x:{GROUP}:\n")).unwrap();
    // The daemon in a mount namespace of its own, where this host has the group.
    let inner = heddled(&directory.path().join("heddled.sock"), &["--foreground-single-process"]);
    let mut outer = Command::new("unshare");
    outer.args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc/group && exec \"$@\""]).arg(&groups);
    outer.arg(inner.get_program()).args(inner.get_args());
    outer.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let daemon = Daemon::start_command(directory, outer);
    let metadata = std::fs::metadata(daemon.socket()).unwrap();
    assert_eq!((metadata.mode() & 0o777, metadata.uid(), metadata.gid()), (0o660, 0, GROUP));

    daemon.ok("switch create lab");
    daemon.ok("port add lab web --backend memory");
    let member = |line: &str| as_nobody(&daemon, GROUP, line);
    assert_eq!(member("switch list").code, 0, "{:?}", member("switch list"));
    assert_eq!(member("topology --json").code, 0);
    for line in [
        "switch create other",
        "switch delete lab",
        "port set lab web --mtu 9000",
        "port remove lab web",
        "port add lab p --backend memory",
        "extension enable lab com.example.tally",
        "extension disable lab com.example.tally",
        "fdb flush lab",
        "log level set debug",
        "extension install /libmirror.so",
        "extension uninstall com.example.overlay",
        "quarantine clear --switch lab com.example.tally",
        "extension config set --switch lab com.example.tally window=20",
        "extension order --switch lab com.example.tally",
        "capture --switch lab --port web -w - --count 1",
    ] {
        let outcome = member(line);
        let expected = "heddle: user id 65534 may not change anything or capture frames; run the command as root or as the user heddled runs as\n";
        assert_eq!((outcome.code, outcome.stderr.as_str()), (6, expected), "{line}");
    }
    assert!(member("switch delete lab --json").stderr.contains("\"name\":\"not-permitted\""));
    assert_eq!(daemon.json("port show lab web")["mtu"], 1500);
}

#[test]
fn an_ordinary_user_runs_a_daemon_of_their_own() {
    if !root_or_skip("an_ordinary_user_runs_a_daemon_of_their_own") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    chown(directory.path(), Some(65_534), Some(65_534)).unwrap();
    let program = directory.path().join("heddled-test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let inner = heddled(&directory.path().join("heddled.sock"), &[]);
    let mut outer = Command::new("setpriv");
    outer.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(&program).args(inner.get_args());
    outer.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
    let daemon = Daemon::start_command(directory, outer);
    wait_for("the owner to be served", || as_nobody(&daemon, 65_534, "switch list").code == 0);
    assert_eq!(as_nobody(&daemon, 65_534, "switch create mine").code, 0, "the owner changes");
    assert_eq!(std::fs::metadata(daemon.socket()).unwrap().mode() & 0o777, 0o600);
}
