//! Extensions as text.

use super::Column::{Number, Text};
use super::{counted, facts, or_dash, plain, table, utc, yes_no};
use crate::control::model::{
    ExtensionCounter, ExtensionLog, ExtensionSettings, ExtensionView, QuarantineView, SettingView, UpgradeStage,
    UpgradeView,
};

/// "running", "enabled, not running: why", "disabled".
pub(super) fn condition(view: &ExtensionView) -> String {
    match (view.enabled, view.running, &view.last_error) {
        (true, true, None) => "running".to_owned(),
        (true, true, Some(error)) => format!("running; last error: {error}"),
        (true, false, None) => "enabled, not running".to_owned(),
        (true, false, Some(error)) => format!("enabled, not running: {error}"),
        (false, _, None) => "disabled".to_owned(),
        (false, _, Some(error)) => format!("disabled; last error: {error}"),
    }
}

/// One extension in one line.
pub(in crate::cli) fn extension_line(view: &ExtensionView) -> String {
    let place = view.switch.as_ref().map_or_else(String::new, |switch| format!(" on switch {switch}"));
    let version = if view.version.is_empty() { String::new() } else { format!(" {}", view.version) };
    plain(&format!("extension {}{version} ({}){place}: {}", view.id, view.role, condition(view)))
}

/// Extensions, installed and enabled.
pub(in crate::cli) fn extensions(views: &[ExtensionView]) -> String {
    let columns = [
        Text("EXTENSION"),
        Text("VERSION"),
        Text("ROLE"),
        Text("SWITCH"),
        Number("ORDER"),
        Text("STATE"),
        Text("VENDOR"),
        Text("PATH"),
    ];
    let row = |view: &ExtensionView| {
        vec![
            view.id.clone(),
            view.version.clone(),
            view.role.to_string(),
            or_dash(view.switch.as_ref()),
            or_dash(view.order),
            if view.switch.is_some() { condition(view) } else { "installed".to_owned() },
            view.vendor.clone(),
            view.path.clone().unwrap_or_else(|| "built in".to_owned()),
        ]
    };
    table(&columns, views.iter().map(row).collect(), "no extensions")
}

/// One extension with its configuration and counters.
pub(in crate::cli) fn extension(view: &ExtensionView) -> String {
    let mut text = facts(&[
        ("extension", view.id.clone()),
        ("name", view.name.clone()),
        ("vendor", view.vendor.clone()),
        ("version", view.version.clone()),
        ("role", view.role.to_string()),
        ("abi", view.abi.clone()),
        ("path", view.path.clone().unwrap_or_else(|| "built in".to_owned())),
        ("switch", or_dash(view.switch.as_ref())),
        ("order", or_dash(view.order)),
        ("enabled", yes_no(view.enabled)),
        ("running", yes_no(view.running)),
        ("isolation", isolation(view)),
        ("last error", or_dash(view.last_error.as_ref())),
        ("upgrade", view.upgrade.as_ref().map_or_else(|| "-".to_owned(), upgrade)),
        ("on fail", view.fail_policy.to_string()),
        ("references", view.references.to_string()),
        ("quarantine", view.quarantine.as_ref().map_or_else(|| "-".to_owned(), quarantine)),
    ]);
    for violation in &view.violations {
        let port = violation.port.as_ref().map_or_else(String::new, |port| format!(", last on port {port}"));
        text.push_str(&plain(&format!("violation {}: {} times{port}", violation.rule, violation.count)));
        text.push('\n');
    }
    if let Some(crash) = view.quarantine.as_ref().and_then(|record| record.crash.as_ref()) {
        text.push_str(&super::crash(crash));
    }
    for (key, value) in &view.config {
        text.push_str(&plain(&format!("config {key} = {value}")));
        text.push('\n');
    }
    for one in &view.drop_reasons {
        text.push_str(&plain(&format!("drop reason {}: {}", one.reason, one.description)));
        text.push('\n');
    }
    if !view.counters.is_empty() {
        text.push_str(&counters(std::slice::from_ref(view)));
    }
    text
}

/// What an upgrade or the way back came to.
pub(in crate::cli) fn upgraded(view: &ExtensionView) -> String {
    let told = view.upgrade.as_ref().map(|told| plain(&upgrade(told)) + "\n").unwrap_or_default();
    format!("{}\n{told}", extension_line(view))
}

/// "1.0 to 2.0, 4800000 bytes of state, workers stopped for 180 and 95 us, on probation for 60 s".
fn upgrade(upgrade: &UpgradeView) -> String {
    let UpgradeView { from_version: from, to_version: to, state_bytes: bytes, .. } = upgrade;
    let mut text = match (upgrade.stage, &upgrade.reason) {
        (UpgradeStage::Upgraded, _) => format!("{from} to {to}"),
        (UpgradeStage::RolledBack, reason) => {
            return format!("back to {from} from {to}: {}", or_dash(reason.as_ref()));
        }
    };
    text.push_str(&format!(", {bytes} bytes of state"));
    let pauses: Vec<String> = upgrade.pause_microseconds.iter().map(u64::to_string).collect();
    if !pauses.is_empty() {
        text.push_str(&format!(", workers stopped for {} us", pauses.join(", ")));
    }
    match (upgrade.probation_seconds_left, upgrade.can_roll_back) {
        (Some(left), _) => text.push_str(&format!(", on probation for {left} s")),
        (None, true) => text.push_str(", the former version is kept"),
        (None, false) => {}
    }
    text
}

/// "process 4711: seccomp, landlock fully, …".
fn isolation(view: &ExtensionView) -> String {
    let Some(process) = &view.process else { return view.isolation.to_string() };
    let missed = if process.missed == 0 { String::new() } else { format!("; missed {}", process.missed) };
    let (late, kill) = (process.late_after_ms, process.kill_after_ms);
    let sandbox = process.sandbox.join(", ");
    format!("{} {}: {sandbox}; late after {late} ms, killed after {kill} ms{missed}", view.isolation, process.pid)
}

/// The configuration in effect.
pub(in crate::cli) fn settings(all: &ExtensionSettings) -> String {
    let columns = [Text("KEY"), Text("VALUE"), Text("UNIT"), Text("FROM")];
    let row = |one: &SettingView| {
        let from = if one.given { "operator" } else { "default" };
        vec![one.key.clone(), or_dash(one.value.as_ref()), one.unit.clone(), from.to_owned()]
    };
    table(&columns, all.settings.iter().map(row).collect(), "no configuration keys")
}

/// The keys an extension publishes.
pub(in crate::cli) fn schema(all: &ExtensionSettings) -> String {
    if !all.published {
        return plain(&format!("extension {} publishes no keys; see the words of its vendor", all.id)) + "\n";
    }
    let columns =
        [Text("KEY"), Text("TYPE"), Text("UNIT"), Text("DEFAULT"), Text("VALUES"), Text("CHANGES"), Text("MEANING")];
    let row = |one: &SettingView| {
        let values = match one.range {
            Some((least, most)) => format!("{least} to {most}"),
            None => one.choices.join(", "),
        };
        let changes = if one.changeable { "while it runs" } else { "when enabled" };
        let kind = one.kind.to_string();
        let (unit, meaning) = (one.unit.clone(), one.description.clone());
        vec![one.key.clone(), kind, unit, or_dash(one.default.as_ref()), values, changes.to_owned(), meaning]
    };
    table(&columns, all.settings.iter().map(row).collect(), "no configuration keys")
}

/// Extensions in quarantine.
pub(in crate::cli) fn quarantines(views: &[QuarantineView]) -> String {
    let columns = [Text("EXTENSION"), Text("SWITCH"), Text("SINCE"), Text("REASON")];
    let row = |view: &QuarantineView| {
        let since = utc(view.since_unix_seconds.saturating_mul(1_000_000_000));
        vec![view.id.clone(), view.switch.to_string(), since, view.reason.clone()]
    };
    let mut text = table(&columns, views.iter().map(row).collect(), "no extension is in quarantine");
    for crash in views.iter().filter_map(|view| view.crash.as_ref()) {
        text.push_str(&super::crash(crash));
    }
    text
}

fn quarantine(view: &QuarantineView) -> String {
    format!("since {}: {}", utc(view.since_unix_seconds.saturating_mul(1_000_000_000)), view.reason)
}

/// Lines of an extension, oldest first.
pub(in crate::cli) fn extension_log(log: &ExtensionLog) -> String {
    let mut text = String::new();
    for line in &log.lines {
        let (time, severity) = (utc(line.unix_nanoseconds), line.severity);
        text.push_str(&format!("{time} {severity:<5} {}\n", plain(&line.text)));
    }
    if log.lines.is_empty() {
        text.push_str("no lines\n");
    }
    if log.dropped > 0 {
        let dropped = counted(log.dropped, "line is", "lines are");
        text.push_str(&format!("{dropped} not kept: the newest {} stay\n", log.capacity));
    }
    text
}

/// The counters extensions registered.
pub(super) fn counters(views: &[ExtensionView]) -> String {
    let columns = [Text("EXTENSION"), Text("COUNTER"), Number("VALUE"), Text("UNIT")];
    let row = |view: &ExtensionView, counter: &ExtensionCounter| {
        vec![view.id.clone(), counter.name.clone(), counter.value.to_string(), counter.unit.clone()]
    };
    let rows = views.iter().flat_map(|view| view.counters.iter().map(move |counter| row(view, counter)));
    table(&columns, rows.collect(), "no extension counters")
}
