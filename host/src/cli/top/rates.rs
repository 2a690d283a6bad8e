//! Rates between two readings of one switch.
//!
//! Time is the daemon's own clock, read with the counters, so a slow answer or a stopped terminal makes no rate wrong.
//! A counter that went back (the thing was made anew) has no rate in that reading. Stages of extensions are measured in one
//! burst of sixteen, which gives cycles and not packets; how many packets an extension saw is counted with its drops.

use crate::control::model::{ExtensionCounter, Leg, StageCost, StatsView};
use schemars::JsonSchema;
use serde::Serialize;

/// What one switch did between two readings.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(in crate::cli) struct SwitchRates {
    /// The switch.
    pub(in crate::cli) switch: String,
    /// Time between the readings.
    pub(in crate::cli) seconds: f64,
    /// By number.
    pub(in crate::cli) ports: Vec<PortRates>,
    /// In the order a packet meets them.
    pub(in crate::cli) stages: Vec<StageRates>,
    /// In ingress order.
    pub(in crate::cli) extensions: Vec<ExtensionRates>,
    /// Reasons that happened between the readings.
    pub(in crate::cli) drops: Vec<DropRate>,
}

/// Wire frames and bits a second of a port.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(in crate::cli) struct PortRates {
    pub(in crate::cli) port: String,
    pub(in crate::cli) rx_pps: f64,
    pub(in crate::cli) rx_bps: f64,
    pub(in crate::cli) tx_pps: f64,
    pub(in crate::cli) tx_bps: f64,
    /// Dropped on the way in, each with a reason.
    pub(in crate::cli) rx_dropped_pps: f64,
    /// Dropped on the way out, each with a reason.
    pub(in crate::cli) tx_dropped_pps: f64,
    /// Lost by the device before the switch saw them.
    pub(in crate::cli) rx_missed_pps: f64,
}

/// A stage of the pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(in crate::cli) struct StageRates {
    pub(in crate::cli) leg: Leg,
    pub(in crate::cli) stage: String,
    /// Frames the switch took in, or delivered; null for an extension's stage.
    pub(in crate::cli) pps: Option<f64>,
    /// Null when nothing was measured between the readings.
    pub(in crate::cli) cycles_per_packet: Option<f64>,
}

/// An enabled extension.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(in crate::cli) struct ExtensionRates {
    pub(in crate::cli) id: String,
    /// Packets it was shown, both legs.
    pub(in crate::cli) pps: f64,
    /// Packets it dropped.
    pub(in crate::cli) dropped_pps: f64,
    /// Calls that failed.
    pub(in crate::cli) failures_per_second: f64,
    /// Its cost on both legs, for a packet that meets both; null when nothing was measured.
    pub(in crate::cli) cycles_per_packet: Option<f64>,
    /// Its own counters.
    pub(in crate::cli) counters: Vec<CounterRate>,
}

/// A counter an extension registered.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(in crate::cli) struct CounterRate {
    pub(in crate::cli) name: String,
    /// packets, bytes, datagrams …
    pub(in crate::cli) unit: String,
    pub(in crate::cli) per_second: f64,
}

/// Frames dropped for one reason.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(in crate::cli) struct DropRate {
    /// Stable name of the reason.
    pub(in crate::cli) reason: String,
    pub(in crate::cli) pps: f64,
}

/// The difference of two counters as a rate.
#[derive(Debug, Clone, Copy)]
struct Clock {
    seconds: f64,
}

impl Clock {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people; 53 bits are more than an interval counts")]
    fn rate(self, before: u64, after: u64) -> f64 {
        after.checked_sub(before).map_or(0.0, |more| more as f64 / self.seconds)
    }
}

/// The rates of a switch, or `None` when no time has passed on the daemon's clock (it was restarted).
pub(in crate::cli) fn rates(before: &StatsView, after: &StatsView) -> Option<SwitchRates> {
    let nanoseconds = after.taken_nanoseconds.checked_sub(before.taken_nanoseconds).filter(|passed| *passed > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "an interval of seconds in nanoseconds is far below 2^53")]
    let clock = Clock { seconds: nanoseconds as f64 / 1e9 };
    Some(SwitchRates {
        switch: after.switch.name.to_string(),
        seconds: clock.seconds,
        ports: ports(clock, before, after),
        stages: stages(clock, before, after),
        extensions: extensions(clock, before, after),
        drops: drops(clock, before, after),
    })
}

fn ports(clock: Clock, before: &StatsView, after: &StatsView) -> Vec<PortRates> {
    let known = after.ports.iter().filter_map(|now| {
        let then = before.ports.iter().find(|then| then.id == now.id)?;
        let (a, b) = (&then.counters, &now.counters);
        Some(PortRates {
            port: now.name.to_string(),
            rx_pps: clock.rate(a.rx_packets, b.rx_packets),
            rx_bps: 8.0 * clock.rate(a.rx_bytes, b.rx_bytes),
            tx_pps: clock.rate(a.tx_packets, b.tx_packets),
            tx_bps: 8.0 * clock.rate(a.tx_bytes, b.tx_bytes),
            rx_dropped_pps: clock.rate(a.rx_dropped, b.rx_dropped),
            tx_dropped_pps: clock.rate(a.tx_dropped, b.tx_dropped),
            rx_missed_pps: clock.rate(a.rx_missed, b.rx_missed),
        })
    });
    known.collect()
}

/// Mean cycles of the packets measured between two readings.
fn cycles(before: Option<&StageCost>, after: &StageCost) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "sums of cycles are means times counts already")]
    let parts = |cost: &StageCost| (cost.packets as f64, cost.packets as f64 * cost.cycles_per_packet);
    let (packets_before, cycles_before) = before.map_or((0.0, 0.0), parts);
    let (packets, cycles) = parts(after);
    (packets > packets_before).then(|| ((cycles - cycles_before) / (packets - packets_before)).max(0.0))
}

fn same_stage<'a>(before: &'a StatsView, now: &StageCost) -> Option<&'a StageCost> {
    before.stages.iter().find(|then| then.leg == now.leg && then.stage == now.stage)
}

fn stages(clock: Clock, before: &StatsView, after: &StatsView) -> Vec<StageRates> {
    let (then, now) = (&before.switch.law, &after.switch.law);
    let rate = |cost: &StageCost| {
        if after.extensions.iter().any(|extension| extension.id == cost.stage) {
            return None;
        }
        Some(match cost.leg {
            Leg::Ingress => clock.rate(then.rx, now.rx),
            Leg::Egress => clock.rate(then.tx, now.tx),
        })
    };
    let one = |cost: &StageCost| StageRates {
        leg: cost.leg,
        stage: cost.stage.clone(),
        pps: rate(cost),
        cycles_per_packet: cycles(same_stage(before, cost), cost),
    };
    after.stages.iter().map(one).collect()
}

fn extensions(clock: Clock, before: &StatsView, after: &StatsView) -> Vec<ExtensionRates> {
    let one = |id: &String, counters: &[ExtensionCounter]| {
        let load = |view: &StatsView| view.loads.iter().find(|load| load.id == *id).cloned().unwrap_or_default();
        let (then, now) = (load(before), load(after));
        let legs = after.stages.iter().filter(|cost| cost.stage == *id);
        let measured: Vec<f64> = legs.filter_map(|cost| cycles(same_stage(before, cost), cost)).collect();
        let known = before.extensions.iter().find(|extension| extension.id == *id);
        let counter = |now: &ExtensionCounter| {
            let then = known.and_then(|known| known.counters.iter().find(|then| then.name == now.name));
            CounterRate {
                name: now.name.clone(),
                unit: now.unit.clone(),
                per_second: clock.rate(then.map_or(now.value, |then| then.value), now.value),
            }
        };
        ExtensionRates {
            id: id.clone(),
            pps: clock.rate(then.packets, now.packets),
            dropped_pps: clock.rate(then.dropped, now.dropped),
            failures_per_second: clock.rate(then.failures, now.failures),
            cycles_per_packet: (!measured.is_empty()).then(|| measured.iter().sum()),
            counters: counters.iter().map(counter).collect(),
        }
    };
    after.extensions.iter().map(|extension| one(&extension.id, &extension.counters)).collect()
}

fn drops(clock: Clock, before: &StatsView, after: &StatsView) -> Vec<DropRate> {
    let one = |now: &crate::control::model::DropCount| {
        let then = before.drops.iter().find(|then| then.reason == now.reason).map_or(0, |then| then.count);
        DropRate { reason: now.reason.clone(), pps: clock.rate(then, now.count) }
    };
    after.drops.iter().map(one).filter(|drop| drop.pps > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::wire;

    /// A switch with one port, one stage and one extension that have counted `n`.
    fn reading(nanoseconds: u64, n: u64) -> Result<StatsView, Box<dyn std::error::Error>> {
        let counters = wire::PortCounters { rx_packets: n, rx_bytes: 100 * n, tx_dropped: n / 2, ..Default::default() };
        let port = wire::Port {
            switch: "lab".into(),
            name: "web".into(),
            id: 1,
            kind: 1,
            backend: 3,
            state: 1,
            nic_state: 3,
            admin: 1,
            fail_policy: 1,
            on_loop: 1,
            mtu: 1500,
            vlan: Some(wire::Vlan { mode: 1, ..Default::default() }),
            counters: Some(counters),
            ..Default::default()
        };
        let law = wire::Law { rx: n, tx: 2 * n, ..Default::default() };
        let switch = wire::Switch { name: "lab".into(), r#type: 2, law: Some(law), ..Default::default() };
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let stage = |stage: &str, leg, mean: f64| wire::StageCost {
            stage: stage.into(),
            leg,
            packets: n,
            cycles_per_packet: if n == 0 { 0.0 } else { mean - 100.0 / n as f64 },
        };
        let counter = wire::ExtensionCounter { name: "seen".into(), unit: "packets".into(), value: 3 * n };
        let extension = wire::Extension {
            id: "x".into(),
            role: wire::ExtensionRole::Capture.into(),
            isolation: wire::Isolation::None.into(),
            fail_policy: wire::FailPolicy::Open.into(),
            counters: vec![counter],
            ..Default::default()
        };
        let load = wire::ExtensionLoad { id: "x".into(), packets: 2 * n, dropped: n / 4, ..Default::default() };
        let drop = wire::Drop { reason: "port-down".into(), count: n / 2, ..Default::default() };
        let stats = wire::Stats {
            switch: Some(switch),
            ports: vec![port],
            drops: vec![drop],
            stages: vec![stage("intake", 1, 30.0), stage("x", 1, 10.0), stage("x", 2, 5.0)],
            extensions: vec![extension],
            taken_nanoseconds: nanoseconds,
            loads: vec![load],
        };
        Ok(StatsView::try_from(stats)?)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6 * b.abs().max(1.0)
    }

    #[test]
    fn rates_are_differences_over_the_daemons_time() -> Result<(), Box<dyn std::error::Error>> {
        let (before, after) = (reading(5_000_000_000, 100)?, reading(7_000_000_000, 1100)?);
        let rates = rates(&before, &after).ok_or("no time passed")?;
        assert!(close(rates.seconds, 2.0));
        let port = rates.ports.first().ok_or("no port")?;
        assert!(close(port.rx_pps, 500.0) && close(port.rx_bps, 400_000.0) && close(port.tx_dropped_pps, 250.0));
        let [intake, down, _] = rates.stages.as_slice() else { return Err("stages".into()) };
        assert_eq!((intake.pps, down.pps), (Some(500.0), None));
        assert!(
            intake.cycles_per_packet.is_some_and(|cycles| close(cycles, 30.0)),
            "the mean of the interval: {intake:?}"
        );
        let extension = rates.extensions.first().ok_or("no extension")?;
        assert!(close(extension.pps, 1000.0) && close(extension.dropped_pps, 125.0));
        assert!(extension.cycles_per_packet.is_some_and(|cycles| close(cycles, 15.0)), "{extension:?}");
        assert!(extension.counters.first().is_some_and(|counter| close(counter.per_second, 1500.0)));
        assert_eq!(rates.drops, [DropRate { reason: "port-down".to_owned(), pps: 250.0 }]);
        Ok(())
    }

    #[test]
    fn nothing_goes_backwards() -> Result<(), Box<dyn std::error::Error>> {
        let (early, late) = (reading(5_000_000_000, 100)?, reading(7_000_000_000, 1100)?);
        assert_eq!(rates(&late, &early), None, "the daemon was restarted");
        let anew = StatsView { taken_nanoseconds: 9_000_000_000, ..early };
        let rates = rates(&late, &anew).ok_or("time passed")?;
        let port = rates.ports.first().ok_or("no port")?;
        assert!(close(port.rx_pps, 0.0) && rates.drops.is_empty());
        assert!(rates.stages.iter().all(|stage| stage.cycles_per_packet.is_none()));
        Ok(())
    }
}
