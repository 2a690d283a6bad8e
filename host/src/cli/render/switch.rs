//! Switches as text.

use super::Column::{Number, Text};
use super::{counted, facts, plain, table};
use crate::control::model::{LawView, SwitchView};

/// One switch in one line.
pub(in crate::cli) fn switch_line(view: &SwitchView) -> String {
    let SwitchView { name, switch_type, workers, ageing_seconds, .. } = view;
    format!("switch {name} ({switch_type}, {}, ageing {ageing_seconds} s)", counted(*workers, "worker", "workers"))
}

/// All switches.
pub(in crate::cli) fn switches(views: &[SwitchView]) -> String {
    let columns = [
        Text("SWITCH"),
        Text("TYPE"),
        Number("WORKERS"),
        Number("PORTS"),
        Number("RX"),
        Number("TX"),
        Number("DROPPED"),
        Text("EXTENSIONS"),
    ];
    let row = |view: &SwitchView| {
        vec![
            view.name.to_string(),
            view.switch_type.to_string(),
            view.workers.to_string(),
            view.ports.to_string(),
            view.law.rx.to_string(),
            view.law.tx.to_string(),
            view.law.dropped.to_string(),
            if view.extensions.is_empty() { "-".to_owned() } else { view.extensions.join(", ") },
        ]
    };
    table(&columns, views.iter().map(row).collect(), "no switches; create one with `heddle switch create NAME`")
}

/// One switch with its conservation law.
pub(in crate::cli) fn switch(view: &SwitchView) -> String {
    let extensions = if view.extensions.is_empty() { "-".to_owned() } else { view.extensions.join(", ") };
    let mut text = facts(&[
        ("switch", view.name.to_string()),
        ("type", view.switch_type.to_string()),
        ("workers", view.workers.to_string()),
        ("ageing", format!("{} s", view.ageing_seconds)),
        ("ports", view.ports.to_string()),
        ("extensions", extensions),
    ]);
    text.push_str(&law(&view.law));
    for trouble in &view.troubles {
        text.push_str(&plain(&format!("trouble: {trouble}")));
        text.push('\n');
    }
    text
}

/// The conservation law in two lines: the sums, and whether they agree.
pub(super) fn law(law: &LawView) -> String {
    let LawView { rx, originated, replicated, tx, dropped, consumed, held, balance } = law;
    let verdict = if *balance == 0 { "every frame accounted for".to_owned() } else { format!("{balance} UNACCOUNTED") };
    format!(
        "frames in:  {rx} received + {originated} originated + {replicated} replicated\n\
         frames out: {tx} sent + {dropped} dropped + {consumed} consumed + {held} held ({verdict})\n"
    )
}
