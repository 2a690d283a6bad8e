//! Manual pages and shell completions: generated from the definitions that are run, with names of the living daemon.

use super::process::Daemon;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn pages(directory: &Path) -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_heddle")).args(["man", "--dir"]).arg(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap())
    };
    std::fs::read_dir(directory).unwrap().map(read).collect()
}

/// The lines under EXAMPLES, as a reader sees them.
fn examples(page: &str) -> Vec<String> {
    let Some((_, rest)) = page.split_once(".SH EXAMPLES\n.nf\n") else { return Vec::new() };
    let (block, _) = rest.split_once("\n.fi\n").unwrap();
    block.lines().map(|line| line.replace("\\-", "-").replace("\\e", "\\").trim().to_owned()).collect()
}

#[test]
fn every_command_has_a_page_with_the_examples_that_are_run() {
    let directory = tempfile::tempdir().unwrap();
    let pages = pages(&directory.path().join("man"));
    let names: BTreeSet<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["heddle.1", "heddle-port.1", "heddle-port-add.1", "heddle-log-level-set.1", "heddled.8"] {
        assert!(names.contains(name), "{name} in {names:?}");
    }
    let in_pages: BTreeSet<String> =
        pages.iter().filter(|(name, _)| name.starts_with("heddle-")).flat_map(|(_, page)| examples(page)).collect();
    let in_help: BTreeSet<String> =
        super::examples::all_examples().into_iter().map(|line| format!("heddle {line}")).collect();
    assert_eq!(in_pages, in_help);
    let add = &pages.iter().find(|(name, _)| name == "heddle-port-add.1").unwrap().1;
    for part in [".SH NAME\n", ".SH SYNOPSIS\n", ".SH OPTIONS\n", ".TH HEDDLE-PORT-ADD 1"] {
        assert!(add.contains(part), "{part} in {add}");
    }
}

#[test]
fn pages_are_proper_roff() {
    if Command::new("groff").arg("--version").output().is_err() {
        eprintln!("skipped: pages_are_proper_roff: groff is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for (name, _) in pages(directory.path()) {
        let mut groff = Command::new("groff");
        let output =
            groff.args(["-man", "-Tutf8", "-ww", "-Kutf8"]).arg(directory.path().join(&name)).output().unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && complaints.is_empty(), "{name}: {complaints}");
    }
}

/// What a shell is offered for the last word of a line.
fn offered(daemon: &Daemon, line: &[&str]) -> Vec<String> {
    let words: Vec<&str> = ["--"].into_iter().chain(line.iter().copied()).collect();
    let mut command = daemon.command(&words);
    command.env("COMPLETE", "bash").env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_INDEX", (line.len() - 1).to_string());
    let output = command.env("_CLAP_COMPLETE_COMP_TYPE", "9").env("_CLAP_COMPLETE_SPACE", "true").output().unwrap();
    assert!(output.status.success(), "{line:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|word| word.trim_end().to_owned()).collect()
}

fn lab() -> Daemon {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    daemon.ok("switch create edge");
    daemon.ok("port add lab web --backend memory");
    daemon.ok("port add edge wan --backend memory");
    daemon.ok("extension enable lab com.example.tally");
    daemon
}

#[test]
fn a_shell_is_offered_live_names() {
    let daemon = lab();
    assert_eq!(offered(&daemon, &["heddle", "sw"]), ["switch"]);
    assert_eq!(offered(&daemon, &["heddle", "switch", "show", "l"]), ["lab"]);
    assert_eq!(offered(&daemon, &["heddle", "port", "show", "lab", "w"]), ["web"]);
    assert_eq!(offered(&daemon, &["heddle", "port", "show", "edge", "w"]), ["wan"]);
    assert_eq!(offered(&daemon, &["heddle", "capture", "--port", "w"]), ["wan", "web"]);
    assert_eq!(offered(&daemon, &["heddle", "capture", "--switch", "edge", "--port", "w"]), ["wan"]);
    assert_eq!(offered(&daemon, &["heddle", "extension", "disable", "lab", "com"]), ["com.example.tally"]);
    let installed = offered(&daemon, &["heddle", "extension", "enable", "lab", "org"]);
    assert_eq!(installed, ["org.heddle.sflow"]);
    assert!(offered(&daemon, &["heddle", "port", "add", "lab", "x", "--device", "l"]).contains(&"lo".to_owned()));
    assert_eq!(offered(&daemon, &["heddle", "log", "level", "set", "debug", "--target", "eng"]), ["engine"]);
}

#[test]
fn without_a_daemon_a_shell_is_offered_nothing_and_no_complaint() {
    let mut daemon = lab();
    daemon.signal("TERM");
    daemon.wait();
    assert!(offered(&daemon, &["heddle", "switch", "show", "l"]).is_empty());
}

#[test]
fn the_scripts_are_those_of_their_shells() {
    let daemon = lab();
    for shell in ["bash", "zsh", "fish"] {
        let script = daemon.ok(&format!("completions {shell}"));
        assert!(script.contains("COMPLETE="), "{script}");
        let file = daemon.directory.path().join(shell);
        std::fs::write(&file, &script).unwrap();
        match Command::new(shell).arg("-n").arg(&file).output() {
            Ok(output) => assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => eprintln!("skipped: the syntax of the {shell} script: {shell} is not installed"),
        }
    }
}

#[test]
fn bash_completes_with_the_script() {
    let daemon = lab();
    let bin: PathBuf = Path::new(env!("CARGO_BIN_EXE_heddle")).parent().unwrap().to_owned();
    let path = std::env::join_paths([bin, "/usr/bin".into(), "/bin".into()]).unwrap();
    let line = r#"
        source <(heddle completions bash) || exit 3
        COMP_WORDS=(heddle port show lab w); COMP_CWORD=4; COMP_TYPE=9; COMP_LINE="heddle port show lab w"; COMP_POINT=22
        $(complete -p heddle | sed 's/.*-F \([^ ]*\).*/\1/') heddle w lab
        echo "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash");
    let output =
        bash.args(["--norc", "-c", line]).env("PATH", path).env("HEDDLE_SOCKET", daemon.socket()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.trim(), "web", "{}", String::from_utf8_lossy(&output.stderr));
}
