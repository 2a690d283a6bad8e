//! Names for completion in a shell, asked of the daemon while the operator types.
//!
//! The shell starts `heddle -- WORDS...` with `COMPLETE` set; clap matches what these functions offer against the word at the
//! cursor. A daemon that does not answer within [`PATIENCE`] offers nothing: completion never waits and never complains.

use super::Failure;
use super::client::{Client, Reach};
use crate::control::model::LOG_TARGETS;
use crate::control::socket::DEFAULT_SOCKET;
use crate::control::wire;
use clap_complete::engine::CompletionCandidate;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What a person does not notice while typing.
const PATIENCE: Duration = Duration::from_millis(700);

/// Names with a word about each.
type Names = BTreeMap<String, String>;

fn candidates(names: Names) -> Vec<CompletionCandidate> {
    names.into_iter().map(|(name, help)| CompletionCandidate::new(name).help(Some(help.into()))).collect()
}

/// Switches.
pub(super) fn switches() -> Vec<CompletionCandidate> {
    let found =
        ask(async |mut client| Ok(client.list_switches(wire::ListSwitchesRequest {}).await?.into_inner().switches));
    let name = |switch: wire::Switch| (switch.name, format!("{} ports", switch.ports));
    candidates(found.unwrap_or_default().into_iter().map(name).collect())
}

/// Ports: of the switch that is named on the line, or all.
pub(super) fn ports() -> Vec<CompletionCandidate> {
    let mut names = Names::new();
    for switch in topology() {
        let of = switch.switch.unwrap_or_default().name;
        names.extend(switch.ports.into_iter().map(|port| (port.name, format!("port of switch {of}"))));
    }
    candidates(names)
}

/// Extensions enabled on the switch that is named on the line, or on any.
pub(super) fn enabled_extensions() -> Vec<CompletionCandidate> {
    let mut names = Names::new();
    for switch in topology() {
        names.extend(switch.extensions.into_iter().map(|extension| (extension.id, extension.name)));
    }
    candidates(names)
}

/// Extensions that are installed.
pub(super) fn installed_extensions() -> Vec<CompletionCandidate> {
    let found = ask(async |mut client| {
        Ok(client.list_extensions(wire::ListExtensionsRequest { switch: None }).await?.into_inner())
    });
    let installed = found.unwrap_or_default().extensions.into_iter().filter(|extension| extension.switch.is_none());
    candidates(installed.map(|extension| (extension.id, extension.name)).collect())
}

/// Network devices of this host.
pub(super) fn devices() -> Vec<CompletionCandidate> {
    let entries = std::fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    entries.map(|entry| CompletionCandidate::new(entry.file_name())).collect()
}

/// Parts of heddled that log.
pub(super) fn log_targets() -> Vec<CompletionCandidate> {
    LOG_TARGETS.into_iter().map(CompletionCandidate::new).collect()
}

/// Switches with what is on them; only the one named on the line when there is one.
fn topology() -> Vec<wire::TopologySwitch> {
    let found =
        ask(async |mut client| Ok(client.get_topology(wire::GetTopologyRequest {}).await?.into_inner().switches));
    let mut switches = found.unwrap_or_default();
    let line = line();
    let named = |switch: &wire::TopologySwitch| {
        let name = switch.switch.as_ref().map(|switch| switch.name.as_str());
        line.iter().any(|word| word.to_str() == name)
    };
    if switches.iter().any(named) {
        switches.retain(named);
    }
    switches
}

/// The words the operator has typed: everything behind the first `--`.
fn line() -> Vec<OsString> {
    std::env::args_os().skip_while(|word| word != "--").skip(1).collect()
}

/// The socket of the line, of the environment, or the default one.
fn socket(line: &[OsString]) -> PathBuf {
    let after = line.iter().position(|word| word == "--socket").and_then(|at| line.get(at + 1));
    let joined = line.iter().find_map(|word| word.to_str()?.strip_prefix("--socket=")).map(PathBuf::from);
    let given = after.map(PathBuf::from).or(joined);
    given.or_else(|| std::env::var_os("HEDDLE_SOCKET").map(PathBuf::from)).unwrap_or_else(|| DEFAULT_SOCKET.into())
}

fn ask<T>(work: impl AsyncFnOnce(Client) -> Result<T, Failure>) -> Option<T> {
    let reach = Reach { socket: socket(&line()), patience: PATIENCE };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    runtime.block_on(reach.within(async { work(reach.connect().await?).await })).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_of_the_line_is_asked() {
        let of = |line: &str| socket(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        assert_eq!(of("heddle --socket /a port show"), PathBuf::from("/a"));
        assert_eq!(of("heddle port show --socket=/b "), PathBuf::from("/b"));
    }
}
