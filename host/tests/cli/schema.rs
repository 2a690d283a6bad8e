//! What `--json` prints against its published schema: the examples of every command (`examples`), and answers with everything
//! in them that can be.

use super::process::{Daemon, Outcome};
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::OnceLock;

/// The published file, and where `heddle schema` writes it anew.
const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk-docs/src/heddle-json.schema.json");

fn printed() -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_heddle")).arg("schema").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Makes every object refuse keys that the schema does not name: readers may take them, tests may not.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("properties") {
                object.entry("additionalProperties").or_insert(json!(false));
            }
            object.values_mut().for_each(strict);
        }
        Value::Array(array) => array.iter_mut().for_each(strict),
        _ => {}
    }
}

fn validators() -> &'static BTreeMap<String, Validator> {
    static VALIDATORS: OnceLock<BTreeMap<String, Validator>> = OnceLock::new();
    VALIDATORS.get_or_init(|| {
        let mut schema = printed();
        strict(&mut schema);
        let names: Vec<String> = schema["$defs"].as_object().unwrap().keys().cloned().collect();
        let one = |name: String| {
            let mut root = schema.clone();
            root["$ref"] = json!(format!("#/$defs/{name}"));
            (name, jsonschema::validator_for(&root).unwrap())
        };
        names.into_iter().map(one).collect()
    })
}

fn assert_valid(definition: &str, answer: &Value, line: &str) {
    let validator = validators().get(definition).unwrap_or_else(|| panic!("no definition '{definition}' for: {line}"));
    let errors: Vec<String> =
        validator.iter_errors(answer).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "heddle {line} --json: {errors:#?}\n{answer:#}");
}

/// The command that begins a line, as the definition is named: `switch-list`.
pub(crate) fn command_of(line: &str) -> String {
    let mut command = heddle_host::cli::command_line();
    let mut path = Vec::new();
    for word in line.split_whitespace() {
        let Some(below) = command.find_subcommand(word).cloned() else { continue };
        path.push(word);
        command = below;
        if !command.has_subcommands() {
            break;
        }
    }
    path.join("-")
}

/// Fails when an answer does not follow the schema.
pub(crate) fn check(line: &str, answer: &Value) {
    assert_valid(&command_of(line), answer, line);
}

#[test]
fn answers_with_everything_in_them_follow_the_schema() {
    let fake = Daemon::single();
    let real = super::process::real(&[]);
    for daemon in [&fake, &real] {
        for line in [
            "switch create edge --type external --workers 2",
            "port add edge web --backend memory --mac 02:00:00:00:00:01 --vlan-mode access --vlan 20",
            "port add edge load --backend memory --device source:1000:64:4",
            "port add edge trunk --backend memory --vlan-mode trunk --allowed 1-100,200 --native 10 --kind external",
            "log level set warn --target loader::check",
            "stats edge",
            "stats --drops",
            "fdb show",
            "topology",
            "port list",
            "top --interval 0.2",
            "extension list",
            "daemon status",
            "log level show",
            "port remove edge web",
            "switch delete edge",
        ] {
            check(line, &daemon.json(line));
        }
    }
}

#[test]
fn every_command_has_a_definition() {
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let below: Vec<_> = command.get_subcommands().filter(|below| below.get_name() != "help").collect();
        if below.is_empty() {
            found.push(path.trim_start_matches('-').to_owned());
        }
        below.iter().for_each(|below| leaves(below, &format!("{path}-{}", below.get_name()), found));
    }
    let mut commands = Vec::new();
    leaves(&heddle_host::cli::command_line(), "", &mut commands);
    assert!(commands.len() > 25, "{commands:?}");
    for command in commands {
        assert!(validators().contains_key(&command), "answers.rs does not say what `heddle {command}` answers");
    }
}

#[test]
fn the_published_schema_is_the_one_heddle_prints() {
    let published: Value = serde_json::from_str(&std::fs::read_to_string(PUBLISHED).unwrap()).unwrap();
    let fix = "write it anew: cargo run --bin heddle -- schema > sdk-docs/src/heddle-json.schema.json";
    assert!(published == printed(), "{PUBLISHED} is not what `heddle schema` prints; {fix}");
    jsonschema::meta::validate(&published).unwrap();
}

#[test]
fn a_wrong_answer_does_not_pass() {
    let refused = |definition: &str, answer: Value| !validators()[definition].is_valid(&answer);
    assert!(refused("switch-delete", json!({})));
    assert!(refused("switch-delete", json!({ "deleted": 5 })));
    assert!(refused("switch-delete", json!({ "deleted": "lab", "more": 1 })));
    assert!(refused("fdb-show", json!([{ "mac": "02:00:00:00:00:01" }])));
    assert!(!refused("switch-delete", json!({ "deleted": "lab" })));
}

#[test]
fn errors_follow_the_schema_whoever_makes_them() {
    let daemon = Daemon::single();
    let alone: Outcome = {
        let mut command = Command::new(env!("CARGO_BIN_EXE_heddle"));
        command.args(["--json", "--socket", "/nonexistent", "switch", "list"]).output().unwrap().into()
    };
    for outcome in [
        daemon.heddle(&["switch", "show", "lab", "--json"]),
        daemon.heddle(&["switch", "creat", "--json"]),
        daemon.heddle(&["fdb", "show", "--json"]),
        alone,
    ] {
        let error: Value = serde_json::from_str(&outcome.stderr).expect(&outcome.stderr);
        assert_valid("error", &error, "error");
        assert_ne!(outcome.code, 0);
    }
}
