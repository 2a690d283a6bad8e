//! Policies, their features and status, as text.

use super::Column::Text;
use super::{or_dash, plain, table, yes_no};
use crate::control::model::{
    FeatureStatus, FeatureView, ONLY_INSTANCE, PolicyView, PortCheck, SettingView, StatusField,
};

fn values(one: &SettingView) -> String {
    match one.range {
        Some((least, most)) => format!("{least} to {most}"),
        None => one.choices.join(", "),
    }
}

/// Features, each with its fields.
pub(in crate::cli) fn features(all: &[FeatureView]) -> String {
    let columns = [
        Text("FEATURE"),
        Text("FROM"),
        Text("ON"),
        Text("FIELD"),
        Text("TYPE"),
        Text("UNIT"),
        Text("DEFAULT"),
        Text("VALUES"),
        Text("MEANING"),
    ];
    let mut rows = Vec::new();
    for feature in all {
        let on = match (feature.settable, feature.on_port, feature.on_switch) {
            (false, ..) => "status only",
            (true, true, true) => "port, switch",
            (true, true, false) => "port",
            (true, false, _) => "switch",
        };
        let from = match (feature.standard, feature.extensions.is_empty()) {
            (true, true) => "nobody enforces it".to_owned(),
            _ => feature.extensions.join(", "),
        };
        let head = |field: &str, meaning: &str| {
            let (blank, on) = (String::new(), on.to_owned());
            let id = feature.id.clone();
            vec![
                id,
                from.clone(),
                on,
                field.to_owned(),
                blank.clone(),
                blank.clone(),
                blank.clone(),
                blank,
                meaning.to_owned(),
            ]
        };
        rows.push(head("", &feature.description));
        for one in &feature.fields {
            let (kind, unit) = (one.kind.to_string(), one.unit.clone());
            let blank = String::new();
            let (name, default) = (one.key.clone(), or_dash(one.default.as_ref()));
            rows.push(vec![
                blank.clone(),
                blank.clone(),
                blank,
                name,
                kind,
                unit,
                default,
                values(one),
                one.description.clone(),
            ]);
        }
    }
    table(&columns, rows, "no features")
}

/// "policy com.example.limit on port web of switch lab".
pub(in crate::cli) fn policy_name(view: &PolicyView) -> String {
    let instance = if view.instance == ONLY_INSTANCE { String::new() } else { format!(" instance {}", view.instance) };
    let place = view.port.as_ref().map_or_else(String::new, |port| format!(" on port {port}"));
    plain(&format!("policy {}{instance}{place} of switch {}", view.feature, view.switch)) + "\n"
}

/// One policy with its fields.
pub(in crate::cli) fn policy(view: &PolicyView) -> String {
    policy_name(view) + &policies(std::slice::from_ref(view))
}

/// Policies, field by field.
pub(in crate::cli) fn policies(all: &[PolicyView]) -> String {
    let columns = [
        Text("FEATURE"),
        Text("PORT"),
        Text("INSTANCE"),
        Text("FIELD"),
        Text("VALUE"),
        Text("UNIT"),
        Text("FROM"),
        Text("IN EFFECT"),
    ];
    let mut rows = Vec::new();
    for view in all {
        let row = |field: &str, value: String, unit: &str, from: &str| {
            let port = or_dash(view.port.as_ref());
            let (feature, instance) = (view.feature.clone(), view.instance.clone());
            let effect = yes_no(!view.extensions.is_empty());
            vec![feature, port, instance, field.to_owned(), value, unit.to_owned(), from.to_owned(), effect]
        };
        if view.fields.is_empty() {
            rows.push(row("-", "-".to_owned(), "", ""));
        }
        for one in &view.fields {
            let from = if one.given { "operator" } else { "default" };
            rows.push(row(&one.key, or_dash(one.value.as_ref()), &one.unit, from));
        }
    }
    table(&columns, rows, "no policies")
}

/// What features tell.
pub(in crate::cli) fn status(all: &[FeatureStatus]) -> String {
    let columns = [Text("FEATURE"), Text("PORT"), Text("FIELD"), Text("VALUE"), Text("UNIT"), Text("MEANING")];
    let row = |of: &FeatureStatus, one: &StatusField| {
        let port = or_dash(of.port.as_ref());
        vec![of.feature.clone(), port, one.key.clone(), one.value.clone(), one.unit.clone(), one.description.clone()]
    };
    let rows = all.iter().flat_map(|of| of.fields.iter().map(move |one| row(of, one)));
    table(&columns, rows.collect(), "no status")
}

/// Nobody had an objection.
pub(in crate::cli) fn port_check(check: &PortCheck) -> String {
    let judges = if check.extensions.is_empty() { "no extension".to_owned() } else { check.extensions.join(", ") };
    plain(&format!("port {} would be accepted on switch {}; judged by {judges}", check.port, check.switch)) + "\n"
}
