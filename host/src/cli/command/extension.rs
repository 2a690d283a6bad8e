//! Commands that look after extensions: install, uninstall, order, log, config, quarantine.

use super::{the_switch, views};
use crate::cli::args::extension::{
    ConfigArgs, ConfigCommand, ConfigSetArgs, InstallArgs, LogArgs, OnSwitch, OrderArgs, QuarantineCommand,
    RollbackArgs, UninstallArgs, UpgradeArgs,
};
use crate::cli::client::Client;
use crate::cli::{Answer, Failure, render};
use crate::control::error::ErrorClass;
use crate::control::model::{ExtensionLog, ExtensionSettings, ExtensionView, QuarantineView};
use crate::control::wire;

/// The switch of `--switch`.
pub(super) async fn switch_of(client: &mut Client, on: &OnSwitch) -> Result<String, Failure> {
    the_switch(client, on.switch.as_deref(), "with --switch").await
}

/// "org.example.x 1.0.0 (filter)" with where its file is.
fn file_line(done: &str, word: &str, view: &ExtensionView) -> String {
    let path = view.path.as_deref().unwrap_or("heddled");
    render::plain(&format!("{done} extension {} {} ({}) {word} {path}", view.id, view.version, view.role)) + "\n"
}

pub(super) async fn install(client: &mut Client, args: &InstallArgs) -> Result<Answer, Failure> {
    let path = std::path::absolute(&args.file).map_err(|error| Failure::file("find", &args.file, &error))?;
    let path = path.to_string_lossy().into_owned();
    let answer = client.install_extension(wire::InstallExtensionRequest { path }).await?.into_inner();
    let view = ExtensionView::try_from(answer)?;
    Answer::new(file_line("installed", "as", &view), &view)
}

pub(super) async fn uninstall(client: &mut Client, args: &UninstallArgs) -> Result<Answer, Failure> {
    let request = wire::UninstallExtensionRequest { id: args.id.clone() };
    let view = ExtensionView::try_from(client.uninstall_extension(request).await?.into_inner())?;
    Answer::new(file_line("uninstalled", "from", &view), &view)
}

pub(super) async fn upgrade(client: &mut Client, args: &UpgradeArgs) -> Result<Answer, Failure> {
    let switch = switch_of(client, &args.on).await?;
    let path = std::path::absolute(&args.file).map_err(|error| Failure::file("find", &args.file, &error))?;
    let request = wire::UpgradeExtensionRequest {
        switch,
        id: args.id.clone(),
        path: path.to_string_lossy().into_owned(),
        probation_seconds: args.probation,
    };
    let view = ExtensionView::try_from(client.upgrade_extension(request).await?.into_inner())?;
    Answer::new(render::upgraded(&view), &view)
}

pub(super) async fn rollback(client: &mut Client, args: &RollbackArgs) -> Result<Answer, Failure> {
    let request = wire::RollbackExtensionRequest { switch: switch_of(client, &args.on).await?, id: args.id.clone() };
    let view = ExtensionView::try_from(client.rollback_extension(request).await?.into_inner())?;
    Answer::new(render::upgraded(&view), &view)
}

pub(super) async fn order(client: &mut Client, args: &OrderArgs) -> Result<Answer, Failure> {
    let switch = switch_of(client, &args.on).await?;
    let request = wire::OrderExtensionsRequest { switch, ids: args.ids.clone() };
    let stack: Vec<ExtensionView> = views(client.order_extensions(request).await?.into_inner().extensions)?;
    Answer::new(render::extensions(&stack), &stack)
}

pub(super) async fn log(client: &mut Client, args: &LogArgs) -> Result<Answer, Failure> {
    let switch = switch_of(client, &args.on).await?;
    let request = wire::GetExtensionLogRequest { switch, id: args.id.clone(), lines: args.lines };
    let log = ExtensionLog::try_from(client.get_extension_log(request).await?.into_inner())?;
    Answer::new(render::extension_log(&log), &log)
}

pub(super) async fn quarantine(client: &mut Client, command: &QuarantineCommand) -> Result<Answer, Failure> {
    match command {
        QuarantineCommand::List(args) => {
            let request = wire::ListQuarantinesRequest { switch: args.switch.clone() };
            let found: Vec<QuarantineView> = views(client.list_quarantines(request).await?.into_inner().quarantines)?;
            Answer::new(render::quarantines(&found), &found)
        }
        QuarantineCommand::Clear(args) => {
            let switch = switch_of(client, &args.on).await?;
            let request = wire::ClearQuarantineRequest { switch, id: args.id.clone() };
            let view = QuarantineView::try_from(client.clear_quarantine(request).await?.into_inner())?;
            let text = format!("extension {} may run on switch {} again: {}", view.id, view.switch, view.reason);
            Answer::new(render::plain(&text) + "\n", &view)
        }
    }
}

pub(super) async fn config(client: &mut Client, command: &ConfigCommand) -> Result<Answer, Failure> {
    match command {
        ConfigCommand::Show(args) => {
            let settings = settings(client, args).await?;
            Answer::new(render::settings(&settings), &settings)
        }
        ConfigCommand::Schema(args) => {
            let settings = settings(client, args).await?;
            Answer::new(render::schema(&settings), &settings)
        }
        ConfigCommand::Set(args) => {
            let (set, unset) = (pairs(args)?, args.unset.clone());
            let switch = switch_of(client, &args.which.on).await?;
            let fail_policy = args.fail_policy.map(|policy| wire::FailPolicy::from(policy).into());
            let id = args.which.id.clone();
            let request = wire::ConfigureExtensionRequest { switch, id, set, unset, fail_policy };
            let settings = ExtensionSettings::try_from(client.configure_extension(request).await?.into_inner())?;
            Answer::new(render::settings(&settings), &settings)
        }
    }
}

/// The keys to set. What has no `=` is an identifier, most likely, behind a switch that was named without its option.
fn pairs(args: &ConfigSetArgs) -> Result<Vec<wire::ConfigPair>, Failure> {
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) => Ok(wire::ConfigPair { key: key.to_owned(), value: value.to_owned() }),
        None => {
            let id = &args.which.id;
            let message = format!(
                "'{text}' is no KEY=VALUE; write it with '=', or, when '{id}' is the switch, `heddle extension config set \
                 --switch {id} {text} KEY=VALUE`"
            );
            Err(Failure::new(ErrorClass::Usage, message))
        }
    };
    args.set.iter().map(pair).collect()
}

async fn settings(client: &mut Client, args: &ConfigArgs) -> Result<ExtensionSettings, Failure> {
    let switch = switch_of(client, &args.on).await?;
    let request = wire::GetExtensionConfigRequest { switch, id: args.id.clone() };
    Ok(ExtensionSettings::try_from(client.get_extension_config(request).await?.into_inner())?)
}
