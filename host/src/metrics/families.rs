//! The families of metrics as data: name, help, kind, and where each value comes from.
//!
//! Names follow the Prometheus conventions: base units, `_total` on counters (added by the encoder). Labels name things the
//! operator named: `switch`, `port`, `extension`, and `reason`, `stage`, `leg` as `heddle stats` prints them.

use crate::control::model::{DaemonView, ExtensionView, PortCounters, PortView, StatsView, SwitchView};

/// Labels of one series.
pub(super) type Labels = Vec<(&'static str, String)>;

/// A value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    /// Only grows.
    Counter(u64),
    /// Goes both ways.
    Gauge(f64),
}

/// All series of one name.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    /// Never empty, and all of one kind.
    pub(super) series: Vec<(Labels, Value)>,
}

/// Everything one scrape reads.
#[derive(Debug)]
pub struct Reading {
    /// The daemon.
    pub daemon: DaemonView,
    /// Its switches.
    pub switches: Vec<StatsView>,
}

#[expect(clippy::cast_precision_loss, reason = "OpenMetrics values are floats; exact up to 2^53")]
fn gauge(value: u64) -> Value {
    Value::Gauge(value as f64)
}

/// All families that have a series, in a fixed order.
pub(super) fn families(reading: &Reading) -> Vec<Family> {
    let mut all = daemon(&reading.daemon);
    all.extend(switches(reading));
    all.extend(ports(reading));
    all.extend(drops(reading));
    all.extend(stages(reading));
    all.extend(extensions(reading));
    all.retain(|family| !family.series.is_empty());
    all
}

fn daemon(daemon: &DaemonView) -> Vec<Family> {
    let one = |name, help, value| Family { name, help, series: vec![(Labels::new(), value)] };
    let started = Value::Gauge(f64::from(u32::try_from(daemon.started_unix_seconds).unwrap_or(u32::MAX)));
    let version = vec![("version", daemon.version.clone())];
    let class = |value: fn(&crate::control::model::BufferClassView) -> u64| {
        let series = |class: &crate::control::model::BufferClassView| {
            (vec![("bytes", class.bytes.to_string())], gauge(value(class)))
        };
        daemon.engine.buffers.iter().map(series).collect()
    };
    vec![
        Family { name: "heddle_build", help: "Version of heddled; the value is 1", series: vec![(version, gauge(1))] },
        one("heddle_start_time_seconds", "When the switch process started, seconds since 1970", started),
        one(
            "heddle_restarts",
            "Times the supervisor restarted the switch process",
            Value::Counter(daemon.restarts.into()),
        ),
        Family { name: "heddle_buffers", help: "Packet buffers by size", series: class(|class| class.total) },
        Family { name: "heddle_buffers_free", help: "Packet buffers not in use", series: class(|class| class.free) },
    ]
}

fn switches(reading: &Reading) -> Vec<Family> {
    let each = |name, help, value: fn(&SwitchView) -> Value| Family {
        name,
        help,
        series: reading.switches.iter().map(|one| (of(&one.switch), value(&one.switch))).collect(),
    };
    vec![
        each("heddle_switch_ports", "Ports of the switch", |switch| gauge(switch.ports.into())),
        each("heddle_switch_rx_frames", "Frames received from ports", |switch| Value::Counter(switch.law.rx)),
        each("heddle_switch_originated_frames", "Frames extensions made", |switch| {
            Value::Counter(switch.law.originated)
        }),
        each(
            "heddle_switch_replicated_frames",
            "Additional deliveries of frames with several destinations",
            |switch| Value::Counter(switch.law.replicated),
        ),
        each("heddle_switch_tx_frames", "Deliveries transmitted by ports", |switch| Value::Counter(switch.law.tx)),
        each("heddle_switch_dropped_frames", "Frames and deliveries dropped, each with a reason", |switch| {
            Value::Counter(switch.law.dropped)
        }),
        each("heddle_switch_consumed_frames", "Frames extensions took for good", |switch| {
            Value::Counter(switch.law.consumed)
        }),
        each("heddle_switch_held_frames", "Frames inside the switch now", |switch| gauge(switch.law.held)),
        each("heddle_switch_balance_frames", "What the conservation law leaves over; not 0 is a defect", |switch| {
            #[expect(clippy::cast_precision_loss, reason = "0 unless there is a defect")]
            Value::Gauge(switch.law.balance as f64)
        }),
    ]
}

fn ports(reading: &Reading) -> Vec<Family> {
    let all = || reading.switches.iter().flat_map(|one| one.ports.iter());
    let counter = |name, help, value: fn(&PortCounters) -> u64| Family {
        name,
        help,
        series: all().map(|port| (of_port(port), Value::Counter(value(&port.counters)))).collect(),
    };
    let up = all().map(|port| (of_port(port), gauge(u64::from(port.trouble.is_none())))).collect();
    vec![
        Family {
            name: "heddle_port_up",
            help: "1 when nothing keeps the port from carrying traffic, else 0",
            series: up,
        },
        counter("heddle_port_rx_packets", "Wire frames taken in", |port| port.rx_packets),
        counter("heddle_port_rx_bytes", "Bytes of the frames taken in", |port| port.rx_bytes),
        counter("heddle_port_tx_packets", "Wire frames sent out", |port| port.tx_packets),
        counter("heddle_port_tx_bytes", "Bytes of the frames sent out", |port| port.tx_bytes),
        counter("heddle_port_rx_missed", "Frames the device lost before the switch saw them", |port| port.rx_missed),
        counter("heddle_port_rx_dropped", "Frames dropped on the way in", |port| port.rx_dropped),
        counter("heddle_port_tx_dropped", "Deliveries dropped on the way out", |port| port.tx_dropped),
    ]
}

fn drops(reading: &Reading) -> Vec<Family> {
    let series = reading.switches.iter().flat_map(|one| {
        one.drops.iter().map(move |drop| {
            let mut labels = of(&one.switch);
            labels.push(("reason", drop.reason.clone()));
            (labels, Value::Counter(drop.count))
        })
    });
    let help = "Frames and deliveries dropped, by reason; `heddle stats --drops` says what each means";
    vec![Family { name: "heddle_drops", help, series: series.collect() }]
}

fn stages(reading: &Reading) -> Vec<Family> {
    let (mut packets, mut cycles) = (Vec::new(), Vec::new());
    for one in &reading.switches {
        for cost in &one.stages {
            let mut labels = of(&one.switch);
            labels.extend([("stage", cost.stage.clone()), ("leg", cost.leg.to_string())]);
            packets.push((labels.clone(), Value::Counter(cost.packets)));
            cycles.push((labels, Value::Gauge(cost.cycles_per_packet)));
        }
    }
    let help = "Mean cost of a stage in time-stamp-counter cycles, over the measured packets";
    vec![
        Family { name: "heddle_stage_measured_packets", help: "Packets whose cost was measured", series: packets },
        Family { name: "heddle_stage_cycles_per_packet", help, series: cycles },
    ]
}

fn extensions(reading: &Reading) -> Vec<Family> {
    let all = || reading.switches.iter().flat_map(|one| one.extensions.iter().map(|view| (&one.switch, view)));
    let labels = |switch: &SwitchView, view: &ExtensionView| {
        let mut labels = of(switch);
        labels.push(("extension", view.id.clone()));
        labels
    };
    let running = all().map(|(switch, view)| (labels(switch, view), gauge(u64::from(view.running)))).collect();
    let own = all().flat_map(|(switch, view)| {
        view.counters.iter().map(move |counter| {
            let mut labels = labels(switch, view);
            labels.extend([("counter", counter.name.clone()), ("unit", counter.unit.clone())]);
            (labels, Value::Counter(counter.value))
        })
    });
    vec![
        Family {
            name: "heddle_extension_running",
            help: "1 when the enabled extension takes part in the data path",
            series: running,
        },
        Family {
            name: "heddle_extension_counter",
            help: "Counters extensions keep of themselves",
            series: own.collect(),
        },
    ]
}

fn of(switch: &SwitchView) -> Labels {
    vec![("switch", switch.name.to_string())]
}

fn of_port(port: &PortView) -> Labels {
    vec![("switch", port.switch.to_string()), ("port", port.name.to_string())]
}
