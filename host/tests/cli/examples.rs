//! Every example in every `--help` is run, each on a fresh daemon with a switch `lab`, and the exit codes are documented.

use super::process::Daemon;
use heddle_host::control::error::ErrorClass;
use std::collections::BTreeSet;
use std::process::Command;

fn help_texts(command: &clap::Command, path: &[String], texts: &mut Vec<String>) {
    let output = Command::new(env!("CARGO_BIN_EXE_heddle")).args(path).arg("--help").output().unwrap();
    assert!(output.status.success(), "heddle {} --help", path.join(" "));
    texts.push(String::from_utf8(output.stdout).unwrap());
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        let mut path = path.to_vec();
        path.push(below.get_name().to_owned());
        help_texts(below, &path, texts);
    }
}

fn all_help() -> Vec<String> {
    let mut texts = Vec::new();
    help_texts(&heddle_host::cli::command_line(), &[], &mut texts);
    texts
}

/// The examples of every `--help`, without the command's name.
pub(crate) fn all_examples() -> Vec<String> {
    let texts = all_help();
    let lines = texts.iter().flat_map(|text| text.lines());
    lines.filter_map(|line| line.strip_prefix("  heddle ").map(str::to_owned)).collect()
}

fn lab() -> Daemon {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    daemon.ok("port add lab web --backend tap --mac 02:00:00:00:00:01");
    daemon.ok("extension enable lab com.example.tally");
    super::vendor::furnish(daemon.directory.path());
    daemon
}

/// Only heddle's part of a pipe: the tool behind it may be missing here.
fn of_heddle(example: &str) -> &str {
    example.split(" | ").next().unwrap_or(example)
}

#[test]
fn examples_in_help_work() {
    let examples = all_examples();
    assert!(examples.len() >= 30, "{examples:?}");
    for example in examples {
        let arguments: Vec<&str> = of_heddle(&example).split_whitespace().collect();
        let output = lab().command(&arguments).output().unwrap();
        assert!(output.status.success(), "heddle {example}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn every_command_answers_in_json_as_its_schema_says() {
    let mut seen = BTreeSet::new();
    for example in all_examples() {
        let line = of_heddle(&example).replace(" --json", "");
        // Frames on stdout leave no room for JSON there.
        if !line.contains(" -w - ") {
            super::schema::check(&line, &lab().json(&line));
            seen.insert(super::schema::command_of(&line));
        }
    }
    assert_eq!(seen.len(), leaves(&heddle_host::cli::command_line()), "{seen:?}");
}

fn leaves(command: &clap::Command) -> usize {
    let below: Vec<_> = command.get_subcommands().filter(|below| below.get_name() != "help").collect();
    if below.is_empty() { 1 } else { below.into_iter().map(leaves).sum() }
}

#[test]
fn every_command_has_an_example() {
    let with_examples = all_help().iter().filter(|text| text.contains("Examples:\n  heddle ")).count();
    assert_eq!(with_examples, leaves(&heddle_host::cli::command_line()));
}

#[test]
fn help_lists_every_exit_code_once() {
    let help = all_help().remove(0);
    for row in ErrorClass::TABLE {
        let line = format!("  {:>2}  {}", row.exit, row.meaning);
        assert_eq!(help.lines().filter(|known| *known == line).count(), 1, "{line}\n{help}");
    }
    let mut exits: Vec<u8> = ErrorClass::TABLE.iter().map(|row| row.exit).collect();
    exits.sort_unstable();
    assert_eq!(exits, (1..=10).collect::<Vec<u8>>());
}

#[test]
fn help_says_what_untagged_means() {
    let add = all_help().into_iter().find(|text| text.contains("heddle port add lab app")).unwrap();
    let words: Vec<&str> = add.split_whitespace().collect();
    assert!(
        words
            .join(" ")
            .contains("untagged is VLAN 0: untagged frames only, tagged ones are refused, as in the Hyper-V model")
    );
}
