//! Ports as text.

use super::Column::{Number, Text};
use super::{facts, or_dash, table, yes_no};
use crate::control::model::{AdminState, NicState, PortView};

/// What plugs in: "tap heddle0", "memory".
pub(super) fn backend(view: &PortView) -> String {
    view.device.as_ref().map_or_else(|| view.backend.to_string(), |device| format!("{} {device}", view.backend))
}

/// One word or sentence for the operator: does it carry traffic, and if not, why.
pub(super) fn condition(view: &PortView) -> String {
    match (&view.trouble, view.admin) {
        (_, AdminState::Down) => "down".to_owned(),
        // To extensions the NIC is connected still; to the operator nothing is while the port is in trouble.
        (Some(trouble), AdminState::Up) if view.nic_state == NicState::Connected => trouble.clone(),
        (Some(trouble), AdminState::Up) => format!("{}: {trouble}", view.nic_state),
        (None, AdminState::Up) => view.nic_state.to_string(),
    }
}

/// One port in one line.
pub(in crate::cli) fn port_line(view: &PortView) -> String {
    let text = format!(
        "port {} {} on switch {} ({}, {}, {}, mtu {})",
        view.id,
        view.name,
        view.switch,
        view.kind,
        backend(view),
        view.vlan,
        view.mtu
    );
    super::plain(&text)
}

/// Ports with the counters an operator looks at first.
pub(in crate::cli) fn ports(views: &[PortView]) -> String {
    let columns = [
        Text("SWITCH"),
        Number("ID"),
        Text("PORT"),
        Text("KIND"),
        Text("BACKEND"),
        Text("STATE"),
        Text("VLAN"),
        Text("MAC"),
        Number("MTU"),
        Number("RX"),
        Number("TX"),
        Number("DROPPED"),
    ];
    let row = |view: &PortView| {
        vec![
            view.switch.to_string(),
            view.id.to_string(),
            view.name.to_string(),
            view.kind.to_string(),
            backend(view),
            condition(view),
            view.vlan.to_string(),
            view.mac.map_or_else(|| "learned".to_owned(), |mac| mac.to_string()),
            view.mtu.to_string(),
            view.counters.rx_packets.to_string(),
            view.counters.tx_packets.to_string(),
            view.counters.rx_dropped.saturating_add(view.counters.tx_dropped).to_string(),
        ]
    };
    table(
        &columns,
        views.iter().map(row).collect(),
        "no ports; add one with `heddle port add SWITCH PORT --backend tap`",
    )
}

/// Every counter of every port.
pub(super) fn counters(views: &[PortView]) -> String {
    let columns = [
        Text("PORT"),
        Number("RX"),
        Number("RX BYTES"),
        Number("RX MISSED"),
        Number("RX DROPPED"),
        Number("TX"),
        Number("TX BYTES"),
        Number("TX DROPPED"),
    ];
    let row = |view: &PortView| {
        let counters = &view.counters;
        let mut row = vec![view.name.to_string()];
        let numbers = [
            counters.rx_packets,
            counters.rx_bytes,
            counters.rx_missed,
            counters.rx_dropped,
            counters.tx_packets,
            counters.tx_bytes,
            counters.tx_dropped,
        ];
        row.extend(numbers.map(|number| number.to_string()));
        row
    };
    table(&columns, views.iter().map(row).collect(), "no ports")
}

/// One port.
pub(in crate::cli) fn port(view: &PortView) -> String {
    let counters = &view.counters;
    facts(&[
        ("port", view.name.to_string()),
        ("switch", view.switch.to_string()),
        ("id", view.id.to_string()),
        ("kind", view.kind.to_string()),
        ("backend", view.backend.to_string()),
        ("device", or_dash(view.device.as_ref())),
        ("state", view.state.to_string()),
        ("nic state", view.nic_state.to_string()),
        ("admin", view.admin.to_string()),
        ("trouble", or_dash(view.trouble.as_ref())),
        ("notices", or_dash((!view.notices.is_empty()).then(|| view.notices.join("\n")))),
        ("mac", view.mac.map_or_else(|| "learned".to_owned(), |mac| mac.to_string())),
        ("mtu", view.mtu.to_string()),
        ("vlan", view.vlan.to_string()),
        ("queues", view.queues.to_string()),
        ("offload", yes_no(view.offload)),
        ("on fail", view.fail_policy.to_string()),
        ("on loop", view.on_loop.to_string()),
        ("worker", view.worker.to_string()),
        ("received", format!("{} packets, {} bytes", counters.rx_packets, counters.rx_bytes)),
        ("sent", format!("{} packets, {} bytes", counters.tx_packets, counters.tx_bytes)),
        ("missed", format!("{} packets lost before the switch took them", counters.rx_missed)),
        ("dropped", format!("{} on the way in, {} on the way out", counters.rx_dropped, counters.tx_dropped)),
    ])
}
