//! What `--json` prints where there is no view of the control plane for it, and the JSON schema of everything it prints.
//!
//! The schema has one definition for each command, named after it (`switch-list`), one for `error`, and those of the views
//! they are made of. Keys may be added to any object; renaming or removing one is a breaking change.

use super::top::SwitchRates;
use super::vendor::{Attempt, Inspection, KeyPair, NewProject, Signed, Verified};
use super::{Answer, Failure};
use crate::control::model::{
    DaemonView, ExtensionLog, ExtensionSettings, ExtensionView, FdbEntryView, FeatureStatus, FeatureView, LogLevelView,
    PolicyView, PortCheck, PortView, QuarantineView, StatsView, SwitchView, TopologyView,
};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// A switch that is gone.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DeletedSwitch {
    /// Its name.
    pub(super) deleted: String,
}

/// A port that is gone.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RemovedPort {
    /// Its name.
    pub(super) removed: String,
    /// The switch it was on.
    pub(super) switch: String,
}

/// What a flush forgot.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Flushed {
    /// The switch.
    pub(super) switch: String,
    /// Addresses, as the worker counted that knew most.
    pub(super) removed: u64,
}

/// What a capture came to.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Captured {
    /// Frames stored.
    pub(super) frames: u64,
    /// Frames left out because this command was too slow.
    pub(super) missed: u64,
    /// Why it ended.
    pub(super) reason: String,
    /// Where they are; - is stdout.
    pub(super) file: PathBuf,
}

/// A script for a shell.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CompletionScript {
    /// The shell.
    pub(super) shell: String,
    /// The script.
    pub(super) script: String,
}

/// Manual pages that were written.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Pages {
    /// Where.
    pub(super) directory: PathBuf,
    /// File names.
    pub(super) pages: Vec<String>,
}

/// Why a command did not succeed; printed on stderr.
#[derive(Debug, Serialize, JsonSchema)]
struct ErrorAnswer {
    /// The error.
    error: ErrorFacts,
}

/// An error.
#[derive(Debug, Serialize, JsonSchema)]
struct ErrorFacts {
    /// What it means to a program; `heddle --help` lists the exit codes that go with the classes.
    class: String,
    /// The daemon's stable name for it; null when heddle itself says no.
    name: Option<String>,
    /// Exit code of the command.
    exit_code: u8,
    /// One sentence with the thing, the reason and the fix.
    message: String,
}

/// Each command with the type of its answer; a command that is missing here fails a test.
fn commands(generator: &mut SchemaGenerator) -> Vec<(&'static str, Schema)> {
    let mut of = Answers { generator, found: Vec::new() };
    of.add::<SwitchView>(&["switch create", "switch show"]);
    of.add::<DeletedSwitch>(&["switch delete"]);
    of.add::<Vec<SwitchView>>(&["switch list"]);
    of.add::<PortView>(&["port add", "port set", "port show"]);
    of.add::<RemovedPort>(&["port remove"]);
    of.add::<Vec<PortView>>(&["port list"]);
    of.add::<Vec<ExtensionView>>(&["extension list", "extension order"]);
    of.add::<ExtensionView>(&["extension enable", "extension disable", "extension show"]);
    of.add::<ExtensionView>(&["extension install", "extension uninstall"]);
    of.add::<ExtensionView>(&["extension upgrade", "extension rollback"]);
    of.add::<ExtensionLog>(&["extension log"]);
    of.add::<Vec<FeatureView>>(&["policy features"]);
    of.add::<Vec<PolicyView>>(&["policy list"]);
    of.add::<PolicyView>(&["policy add", "policy set", "policy remove"]);
    of.add::<Vec<FeatureStatus>>(&["extension status"]);
    of.add::<PortCheck>(&["port check"]);
    of.add::<ExtensionSettings>(&["extension config show", "extension config set", "extension config schema"]);
    of.add::<Inspection>(&["extension inspect"]);
    of.add::<NewProject>(&["extension new"]);
    of.add::<Attempt>(&["extension try"]);
    of.add::<KeyPair>(&["extension keygen"]);
    of.add::<Signed>(&["extension sign"]);
    of.add::<Verified>(&["extension verify"]);
    of.add::<Vec<QuarantineView>>(&["quarantine list"]);
    of.add::<QuarantineView>(&["quarantine clear"]);
    of.add::<Vec<StatsView>>(&["stats"]);
    of.add::<Vec<FdbEntryView>>(&["fdb show"]);
    of.add::<Flushed>(&["fdb flush"]);
    of.add::<TopologyView>(&["topology"]);
    of.add::<Vec<SwitchRates>>(&["top"]);
    of.add::<Captured>(&["capture"]);
    of.add::<DaemonView>(&["daemon status"]);
    of.add::<LogLevelView>(&["log level show", "log level set", "log level reset"]);
    of.add::<CompletionScript>(&["completions"]);
    of.add::<Pages>(&["man"]);
    of.add::<Map<String, Value>>(&["schema"]);
    of.add::<ErrorAnswer>(&["error"]);
    of.found
}

struct Answers<'a> {
    generator: &'a mut SchemaGenerator,
    found: Vec<(&'static str, Schema)>,
}

impl Answers<'_> {
    fn add<T: JsonSchema>(&mut self, commands: &[&'static str]) {
        for command in commands {
            let schema = self.generator.subschema_for::<T>();
            self.found.push((command, schema));
        }
    }
}

/// The schema of everything `--json` prints.
pub(super) fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let answers = commands(&mut generator);
    let mut definitions = generator.take_definitions(true);
    definitions.extend(answers.into_iter().map(|(command, schema)| (command.replace(' ', "-"), schema.into())));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What heddle prints with --json",
        "description": "One definition for each command, as switch-list for `heddle switch list --json`, and one for errors.",
        "$defs": definitions,
    })
}

/// `heddle schema`.
pub(super) fn printed_schema() -> Result<Answer, Failure> {
    let schema = schema();
    Answer::new(format!("{schema:#}\n"), &schema)
}
