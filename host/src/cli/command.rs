//! Arguments into requests, answers into views, views into text.

mod extension;
mod policy;

use super::answers::{DeletedSwitch, Flushed, RemovedPort};
use super::args::{
    Command, DaemonCommand, ExtensionCommand, ExtensionEnableArgs, FdbCommand, FdbFlushArgs, LogCommand,
    LogLevelCommand, OnOff, PortCommand, PortOptionsArgs, StatsArgs, SwitchCommand,
};
use super::client::{Client, Reach};
use super::{Answer, Failure, render};
use crate::control::convert::UnreadableAnswer;
use crate::control::error::ErrorClass;
use crate::control::model::{
    DaemonView, ExtensionView, FdbEntryView, Isolation, LogLevelView, PortView, StatsView, SwitchView, TopologyView,
};
use crate::control::wire;
use std::io::Read as _;
use std::path::Path;

/// Longest configuration file in bytes; heddled takes no longer one.
const CONFIG_FILE_MAX: u64 = 64 << 10;

/// Runs a command. Requests have a time; a capture and `top` go on for as long as they are wanted.
pub(super) async fn run(reach: &Reach, command: &Command, json: bool) -> Result<Answer, Failure> {
    match command {
        Command::Switch(command) => ask(reach, async |client| switch(client, command).await).await,
        Command::Port(command) => ask(reach, async |client| port(client, command).await).await,
        Command::Extension(ExtensionCommand::Vendor(command)) => super::vendor::run(command),
        Command::Extension(command) => ask(reach, async |client| extension(client, command).await).await,
        Command::Policy(command) => ask(reach, async |client| policy::policy(client, command).await).await,
        Command::Quarantine(command) => ask(reach, async |client| extension::quarantine(client, command).await).await,
        Command::Stats(wanted) => ask(reach, async |client| stats(client, wanted).await).await,
        Command::Fdb(command) => ask(reach, async |client| fdb(client, command).await).await,
        Command::Topology => ask(reach, shown_topology).await,
        Command::Daemon(DaemonCommand::Status) => ask(reach, daemon_status).await,
        Command::Log(LogCommand::Level(command)) => ask(reach, async |client| log_level(client, command).await).await,
        Command::Capture(wanted) => super::capture::run(reach, wanted).await,
        Command::Top(wanted) => super::top::run(reach, wanted, json).await,
        Command::Completions(wanted) => super::manual::completions(wanted.shell),
        Command::Man(wanted) => super::manual::write_pages(&wanted.dir),
        Command::Schema => super::answers::printed_schema(),
    }
}

/// Connects and makes a request, within the time for both.
async fn ask(reach: &Reach, work: impl AsyncFnOnce(&mut Client) -> Result<Answer, Failure>) -> Result<Answer, Failure> {
    reach.within(async { work(&mut reach.connect().await?).await }).await
}

async fn fdb(client: &mut Client, command: &FdbCommand) -> Result<Answer, Failure> {
    match command {
        FdbCommand::Show(wanted) => {
            let switch = the_switch(client, wanted.switch.as_deref(), "as SWITCH").await?;
            let answer = client.list_fdb(wire::ListFdbRequest { switch }).await?.into_inner();
            let entries: Vec<FdbEntryView> = views(answer.entries)?;
            Answer::new(render::fdb(&entries), &entries)
        }
        FdbCommand::Flush(wanted) => flush_fdb(client, wanted).await,
    }
}

async fn daemon_status(client: &mut Client) -> Result<Answer, Failure> {
    let view = DaemonView::try_from(client.get_daemon(wire::GetDaemonRequest {}).await?.into_inner())?;
    Answer::new(render::daemon(&view), &view)
}

fn views<W, V: TryFrom<W, Error = UnreadableAnswer>>(messages: Vec<W>) -> Result<Vec<V>, Failure> {
    messages.into_iter().map(|message| V::try_from(message).map_err(Failure::from)).collect()
}

/// Names listed when several switches could be meant.
const MAX_NAMED: usize = 16;

/// The switch that was named, or the only one there is. `place` says where a name would have been given.
pub(super) async fn the_switch(client: &mut Client, named: Option<&str>, place: &str) -> Result<String, Failure> {
    if let Some(name) = named {
        return Ok(name.to_owned());
    }
    let switches = client.list_switches(wire::ListSwitchesRequest {}).await?.into_inner().switches;
    match switches.as_slice() {
        [only] => Ok(only.name.clone()),
        [] => {
            Err(Failure::new(ErrorClass::NotFound, "there is no switch; create one with `heddle switch create NAME`"))
        }
        several => {
            let names =
                several.iter().take(MAX_NAMED).map(|switch| switch.name.as_str()).collect::<Vec<_>>().join(", ");
            let more = if several.len() > MAX_NAMED { ", …" } else { "" };
            let count = several.len();
            let message = format!("there are {count} switches: {names}{more}; give one of them {place}");
            Err(Failure::new(ErrorClass::Usage, message))
        }
    }
}

async fn switch(client: &mut Client, command: &SwitchCommand) -> Result<Answer, Failure> {
    match command {
        SwitchCommand::Create(args) => {
            let request = wire::CreateSwitchRequest {
                name: args.name.clone(),
                r#type: wire::SwitchType::from(args.switch_type).into(),
                workers: args.workers,
                ageing_seconds: args.ageing,
            };
            let view = SwitchView::try_from(client.create_switch(request).await?.into_inner())?;
            Answer::new(format!("created {}\n", render::switch_line(&view)), &view)
        }
        SwitchCommand::Delete(args) => {
            client.delete_switch(wire::DeleteSwitchRequest { name: args.switch.clone() }).await?;
            Answer::new(format!("deleted switch {}\n", args.switch), &DeletedSwitch { deleted: args.switch.clone() })
        }
        SwitchCommand::List => {
            let answer = client.list_switches(wire::ListSwitchesRequest {}).await?.into_inner();
            let switches: Vec<SwitchView> = views(answer.switches)?;
            Answer::new(render::switches(&switches), &switches)
        }
        SwitchCommand::Show(args) => {
            let name = the_switch(client, args.switch.as_deref(), "as SWITCH").await?;
            let request = wire::GetSwitchRequest { name };
            let view = SwitchView::try_from(client.get_switch(request).await?.into_inner())?;
            Answer::new(render::switch(&view), &view)
        }
    }
}

async fn flush_fdb(client: &mut Client, wanted: &FdbFlushArgs) -> Result<Answer, Failure> {
    let switch = the_switch(client, wanted.switch.switch.as_deref(), "as SWITCH").await?;
    let request = wire::FlushFdbRequest { switch: switch.clone(), port: wanted.port.clone(), vlan: wanted.vlan };
    let removed = client.flush_fdb(request).await?.into_inner().removed;
    let text =
        format!("forgot {} of switch {switch}\n", render::counted(removed, "learned address", "learned addresses"));
    Answer::new(text, &Flushed { switch, removed })
}

async fn log_level(client: &mut Client, command: &LogLevelCommand) -> Result<Answer, Failure> {
    let set = |target: &Option<String>, level: wire::LogLevel| wire::SetLogLevelRequest {
        target: target.clone(),
        level: level.into(),
    };
    let levels = match command {
        LogLevelCommand::Show => client.get_log_level(wire::GetLogLevelRequest {}).await?,
        LogLevelCommand::Set(args) => client.set_log_level(set(&args.target.target, args.level.into())).await?,
        LogLevelCommand::Reset(args) => {
            client.set_log_level(set(&args.target.target, wire::LogLevel::Unspecified)).await?
        }
    };
    let view = LogLevelView::try_from(levels.into_inner())?;
    Answer::new(render::log_levels(&view), &view)
}

async fn shown_topology(client: &mut Client) -> Result<Answer, Failure> {
    let view = topology(client).await?;
    Answer::new(render::topology(&view), &view)
}

async fn topology(client: &mut Client) -> Result<TopologyView, Failure> {
    Ok(TopologyView::try_from(client.get_topology(wire::GetTopologyRequest {}).await?.into_inner())?)
}

fn port_options(args: &PortOptionsArgs) -> wire::PortOptions {
    wire::PortOptions {
        backend: args.backend.map(|backend| wire::Backend::from(backend).into()),
        device: args.device.clone(),
        kind: args.kind.map(|kind| wire::PortKind::from(kind).into()),
        queues: args.queues,
        mac: args.mac.clone(),
        vlan_mode: args.vlan_mode.map(|mode| wire::VlanMode::from(mode).into()),
        vlan: args.vlan,
        allowed: args.allowed.clone(),
        native: args.native,
        mtu: args.mtu,
        offload: args.offload.map(|offload| offload == OnOff::On),
        admin: args.admin.map(|admin| wire::AdminState::from(admin).into()),
        fail_policy: args.fail_policy.map(|policy| wire::FailPolicy::from(policy).into()),
        on_loop: args.on_loop.map(|action| wire::LoopAction::from(action).into()),
    }
}

async fn port(client: &mut Client, command: &PortCommand) -> Result<Answer, Failure> {
    match command {
        PortCommand::Add(args) => {
            let (switch, port) = (args.name.switch.clone(), args.name.port.clone());
            let request = wire::AddPortRequest { switch, port, options: Some(port_options(args)) };
            let view = PortView::try_from(client.add_port(request).await?.into_inner())?;
            Answer::new(format!("added {}\n", render::port_line(&view)), &view)
        }
        PortCommand::Set(args) => {
            let (switch, port) = (args.name.switch.clone(), args.name.port.clone());
            let request = wire::SetPortRequest { switch, port, options: Some(port_options(args)) };
            let view = PortView::try_from(client.set_port(request).await?.into_inner())?;
            Answer::new(format!("changed {}\n", render::port_line(&view)), &view)
        }
        PortCommand::Remove(args) => {
            let (switch, port) = (args.switch.clone(), args.port.clone());
            client.remove_port(wire::RemovePortRequest { switch, port }).await?;
            let text = format!("removed port {} from switch {}\n", args.port, args.switch);
            Answer::new(text, &RemovedPort { removed: args.port.clone(), switch: args.switch.clone() })
        }
        PortCommand::List(args) => {
            let ports: Vec<PortView> = match args.switch.clone() {
                Some(switch) => views(client.list_ports(wire::ListPortsRequest { switch }).await?.into_inner().ports)?,
                None => topology(client).await?.switches.into_iter().flat_map(|switch| switch.ports).collect(),
            };
            Answer::new(render::ports(&ports), &ports)
        }
        PortCommand::Check(args) => policy::check_port(client, args).await,
        PortCommand::Show(args) => {
            let request = wire::GetPortRequest { switch: args.switch.clone(), port: args.port.clone() };
            let view = PortView::try_from(client.get_port(request).await?.into_inner())?;
            Answer::new(render::port(&view), &view)
        }
    }
}

/// The path of a library as the daemon needs it: from the root. Identifiers stay as they are.
fn extension_reference(given: &str) -> Result<String, Failure> {
    if !given.contains('/') && !given.ends_with(".so") {
        return Ok(given.to_owned());
    }
    let absolute = std::path::absolute(given).map_err(|error| Failure::file("find", Path::new(given), &error))?;
    Ok(absolute.to_string_lossy().into_owned())
}

/// A configuration file, also one a pipe brings; not more of it than heddled takes.
fn configuration(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = std::fs::File::open(path)?.take(CONFIG_FILE_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(length).unwrap_or(u64::MAX) > CONFIG_FILE_MAX {
        let reason = format!("it has more than {CONFIG_FILE_MAX} bytes");
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

async fn enable(client: &mut Client, args: &ExtensionEnableArgs) -> Result<Answer, Failure> {
    let read = |path: &Path| configuration(path).map_err(|error| Failure::file("read", path, &error));
    let pair = |(key, value): &(String, String)| wire::ConfigPair { key: key.clone(), value: value.clone() };
    let isolation = if args.debug { Some(Isolation::Debug) } else { args.isolation };
    let request = wire::EnableExtensionRequest {
        switch: args.switch.clone(),
        extension: extension_reference(&args.extension)?,
        config: args.config.iter().map(pair).collect(),
        config_file: args.config_file.as_deref().map(read).transpose()?,
        isolation: isolation.map_or(0, |isolation| wire::Isolation::from(isolation).into()),
        fail_policy: args.fail_policy.map(|policy| wire::FailPolicy::from(policy).into()),
        late_after_ms: args.late_after,
        kill_after_ms: args.kill_after,
    };
    let view = ExtensionView::try_from(client.enable_extension(request).await?.into_inner())?;
    Answer::new(format!("enabled {}\n", render::extension_line(&view)), &view)
}

async fn extension(client: &mut Client, command: &ExtensionCommand) -> Result<Answer, Failure> {
    match command {
        ExtensionCommand::Enable(args) => enable(client, args).await,
        ExtensionCommand::Disable(args) => {
            let request = wire::DisableExtensionRequest { switch: args.switch.clone(), id: args.id.clone() };
            let view = ExtensionView::try_from(client.disable_extension(request).await?.into_inner())?;
            Answer::new(format!("disabled {}\n", render::extension_line(&view)), &view)
        }
        ExtensionCommand::List(args) => {
            let request = wire::ListExtensionsRequest { switch: args.switch.clone() };
            let found: Vec<ExtensionView> = views(client.list_extensions(request).await?.into_inner().extensions)?;
            Answer::new(render::extensions(&found), &found)
        }
        ExtensionCommand::Show(args) => {
            let request = wire::GetExtensionRequest { switch: args.switch.clone(), id: args.id.clone() };
            let view = ExtensionView::try_from(client.get_extension(request).await?.into_inner())?;
            Answer::new(render::extension(&view), &view)
        }
        ExtensionCommand::Install(args) => extension::install(client, args).await,
        ExtensionCommand::Uninstall(args) => extension::uninstall(client, args).await,
        ExtensionCommand::Upgrade(args) => extension::upgrade(client, args).await,
        ExtensionCommand::Rollback(args) => extension::rollback(client, args).await,
        ExtensionCommand::Order(args) => extension::order(client, args).await,
        ExtensionCommand::Log(args) => extension::log(client, args).await,
        ExtensionCommand::Status(args) => policy::status(client, args).await,
        ExtensionCommand::Config(command) => extension::config(client, command).await,
        ExtensionCommand::Vendor(command) => super::vendor::run(command),
    }
}

async fn stats(client: &mut Client, wanted: &StatsArgs) -> Result<Answer, Failure> {
    let request = wire::GetStatsRequest { switch: wanted.switch.clone() };
    let found: Vec<StatsView> = views(client.get_stats(request).await?.into_inner().stats)?;
    let sections = render::Sections::choose(wanted.ports, wanted.drops, wanted.stages);
    let mut answer = Answer::new(render::stats(&found, sections), &found)?;
    // With sections chosen, JSON has the same ones; without, everything.
    for view in answer.json.as_array_mut().into_iter().flatten().filter_map(|view| view.as_object_mut()) {
        view.retain(|key, _| sections.has(key));
    }
    Ok(answer)
}
