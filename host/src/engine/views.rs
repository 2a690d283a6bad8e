//! What operators see: views of a running switch, taken at one moment.

use std::collections::BTreeMap;

use heddle_switch_core::counters::{Cost, Counters, OwnCost, StageCounters};
use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::StageId;
use heddle_switch_core::switch::{NicState as CoreNic, Port};

use super::command::Report;
use super::live::{Enabled, LiveSwitch, State};
use crate::control::model::{
    DropCount, ExtensionCounter, ExtensionLoad, ExtensionRole, ExtensionView, FailPolicy, FdbEntryKind, FdbEntryView,
    Isolation, LawView, Leg, MacAddress, NicState, PortCounters, PortDropCount, PortName, PortState, PortView,
    ProcessView, RegisteredReason, StageCost, SwitchView,
};
use crate::control::plane::ControlResult;
use crate::loader::ExtensionFacts;

impl LiveSwitch {
    /// The switch with its law.
    pub(crate) fn view(&self, state: &State) -> ControlResult<SwitchView> {
        let law = Self::counters(&self.reports(state)?).law;
        Ok(SwitchView {
            name: self.spec.name().clone(),
            switch_type: self.spec.switch_type(),
            workers: self.spec.workers().get(),
            ports: u32::try_from(state.switch.ports().count()).unwrap_or(u32::MAX),
            extensions: state.enabled.iter().map(|one| one.library.facts().id.clone()).collect(),
            ageing_seconds: self.spec.ageing().get(),
            troubles: Vec::new(),
            law: LawView {
                rx: law.rx,
                originated: law.originated,
                replicated: law.replicated,
                tx: law.tx,
                dropped: law.dropped,
                consumed: law.consumed,
                held: law.held,
                balance: i64::try_from(law.balance()).unwrap_or(i64::MAX),
            },
        })
    }

    /// All ports.
    pub(crate) fn port_views(&self, state: &State) -> ControlResult<Vec<PortView>> {
        let reports = self.reports(state)?;
        let counters = Self::counters(&reports);
        Ok(state.switch.ports().filter_map(|port| self.port_view(state, port, &counters, &reports)).collect())
    }

    fn port_view(&self, state: &State, port: &Port, counters: &Counters, reports: &[Report]) -> Option<PortView> {
        let plugged = state.ports.get(&port.id)?;
        let of_port = counters.ports.get(port.id.slot()).copied().unwrap_or_default();
        let losses = reports.iter().flat_map(|report| &report.losses).filter(|(id, _)| *id == port.id);
        Some(PortView {
            switch: self.spec.name().clone(),
            name: plugged.spec.name().clone(),
            id: port.id.raw(),
            kind: plugged.spec.kind(),
            backend: plugged.spec.backend().kind(),
            device: Some(plugged.device()).filter(|device| !device.is_empty()),
            state: if port.teardown { PortState::Teardown } else { PortState::Created },
            nic_state: match port.nic {
                CoreNic::None => NicState::Absent,
                CoreNic::Created => NicState::Created,
                CoreNic::Connected => NicState::Connected,
                CoreNic::Disconnected => NicState::Disconnected,
            },
            admin: plugged.settings.admin(),
            trouble: plugged.present_trouble(),
            notices: plugged.notices.sentences(),
            mac: plugged.settings.mac(),
            mtu: port.mtu,
            vlan: plugged.settings.vlan().clone(),
            queues: plugged.spec.queues().get(),
            offload: plugged.settings.offload(),
            fail_policy: plugged.settings.fail_policy(),
            on_loop: plugged.settings.on_loop(),
            worker: port.owner,
            counters: PortCounters {
                rx_packets: of_port.rx_packets,
                rx_bytes: of_port.rx_bytes,
                tx_packets: of_port.tx_packets,
                tx_bytes: of_port.tx_bytes,
                rx_missed: plugged.missed_by_kernel()
                    + losses.map(|(_, lost)| lost.missed + lost.too_long + lost.malformed).sum::<u64>(),
                rx_dropped: of_port.rx_dropped,
                tx_dropped: of_port.tx_dropped,
            },
        })
    }

    /// Drops by reason, largest first.
    pub(crate) fn drop_counts(&self, state: &State) -> ControlResult<Vec<DropCount>> {
        let counters = Self::counters(&self.reports(state)?);
        let mut drops: Vec<DropCount> = counters
            .drops
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(code, count)| {
                let (reason, description) = self.describe(code);
                DropCount { reason, description, count: *count, ports: port_drops(state, &counters, code) }
            })
            .collect();
        drops.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.reason.cmp(&b.reason)));
        Ok(drops)
    }

    fn describe(&self, code: usize) -> (String, String) {
        let code = u16::try_from(code).unwrap_or(u16::MAX);
        match DropReason::from_code(code) {
            Some(reason) => (reason.name().to_owned(), reason.description().to_owned()),
            None => self.services.reasons.describe(code).unwrap_or_else(|| {
                (
                    format!("extension-code-{code}"),
                    "An extension dropped it under a code it never registered.".to_owned(),
                )
            }),
        }
    }

    /// Cost of each stage.
    pub(crate) fn stage_costs(&self, state: &State) -> ControlResult<Vec<StageCost>> {
        let reports = self.reports(state)?;
        let mut own = OwnCost::default();
        let mut by_stage: BTreeMap<StageId, StageCounters> = BTreeMap::new();
        for report in &reports {
            own.add(&report.own);
            for (id, counters) in &report.stages {
                by_stage.entry(*id).or_default().add(counters);
            }
        }
        let of = |one: &Enabled| {
            // A stand-in is no stage of the extension's.
            let stage = one.stage.filter(|_| one.instance.is_some());
            let [ingress, egress] = stage.and_then(|stage| by_stage.get(&stage)).copied().unwrap_or_default().cost;
            let id = one.library.facts().id.as_str();
            (cost(id, Leg::Ingress, ingress), cost(id, Leg::Egress, egress))
        };
        let (down, mut up): (Vec<StageCost>, Vec<StageCost>) = state.enabled.iter().map(of).unzip();
        up.reverse();
        let mut costs = vec![cost("intake", Leg::Ingress, own.intake)];
        // An extension that is not called on a leg is no stage of it.
        costs.extend(down.into_iter().filter(|cost| cost.packets > 0));
        costs.push(cost("forwarding", Leg::Ingress, own.ingress));
        costs.extend(up.into_iter().filter(|cost| cost.packets > 0));
        costs.push(cost("delivery", Leg::Egress, own.egress));
        Ok(costs)
    }

    /// What each enabled extension was shown, by all workers and by contexts that are gone.
    pub(crate) fn loads(&self, state: &State) -> ControlResult<Vec<ExtensionLoad>> {
        let reports = self.reports(state)?;
        let load = |one: &Enabled| {
            let mut sum = one.past;
            if let Some(stage) = one.stage {
                state.retired_stages.get(&stage).into_iter().for_each(|gone| sum.add(gone));
                let of = reports.iter().flat_map(|report| &report.stages).filter(|(id, _)| *id == stage);
                of.for_each(|(_, counters)| sum.add(counters));
            }
            let StageCounters { packets, dropped, failures, violations, .. } = sum;
            ExtensionLoad { id: one.library.facts().id.clone(), packets, dropped, failures, violations }
        };
        Ok(state.enabled.iter().map(load).collect())
    }

    /// The filtering database over all workers.
    pub(crate) fn fdb_views(&self, state: &State) -> ControlResult<Vec<FdbEntryView>> {
        let mut merged: BTreeMap<(u16, [u8; 6]), FdbEntryView> = BTreeMap::new();
        for row in self.fdb_rows(state)? {
            let found = state.switch.ports().find(|port| port.id.slot() == usize::from(row.slot));
            let Some(port) = found.and_then(|port| PortName::new(&port.name).ok()) else { continue };
            let age_seconds = if row.is_static { 0 } else { u64::from(row.age_s) };
            let kind = if row.is_static { FdbEntryKind::Static } else { FdbEntryKind::Learned };
            let entry = FdbEntryView { mac: MacAddress::from_octets(row.mac), vlan: row.vid, port, kind, age_seconds };
            let younger = merged.get(&(row.vid, row.mac)).is_none_or(|known| age_seconds < known.age_seconds);
            if younger {
                merged.insert((row.vid, row.mac), entry);
            }
        }
        Ok(merged.into_values().collect())
    }

    /// The enabled extensions in ingress order.
    pub(crate) fn extension_views(&self, state: &State) -> Vec<ExtensionView> {
        state.enabled.iter().enumerate().map(|(order, one)| self.extension_view(one, order)).collect()
    }

    /// One enabled extension.
    pub(crate) fn extension_view(&self, one: &Enabled, order: usize) -> ExtensionView {
        let mut view = installed_view(one.library.facts(), one.path.as_ref().map(|path| path.display().to_string()));
        view.switch = Some(self.spec.name().clone());
        view.enabled = true;
        view.isolation = one.config.isolation();
        view.running = one.instance.is_some();
        view.last_error.clone_from(&one.last_error);
        view.order = u32::try_from(order).ok();
        view.config = one.config.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        view.upgrade = one.generations.view();
        view.quarantine = self.quarantines.find(self.spec.name(), &view.id);
        if let Some(instance) = &one.instance {
            let counter = |(name, unit, value)| ExtensionCounter { name, unit, value };
            view.violations = self.violations(one);
            view.counters = instance.counters().into_iter().map(counter).collect();
            view.process = instance.child().map(|guest| ProcessView {
                pid: guest.pid(),
                sandbox: guest.sandbox().to_vec(),
                missed: guest.missed().into(),
                late_after_ms: one.config.patience().late().get(),
                kill_after_ms: one.config.patience().kill().get(),
            });
            view.references = self.directory.references.of(instance.shared().instance);
        }
        view.fail_policy = one.config.fail_policy();
        let reasons = self.services.reasons.of(&view.id).into_iter();
        view.drop_reasons = reasons.map(|(reason, description)| RegisteredReason { reason, description }).collect();
        view
    }
}

/// An installed extension, bound to no switch.
pub(crate) fn installed_view(facts: &ExtensionFacts, path: Option<String>) -> ExtensionView {
    ExtensionView {
        switch: None,
        id: facts.id.clone(),
        name: facts.name.clone(),
        vendor: facts.vendor.clone(),
        version: facts.version.clone(),
        role: role_of(facts),
        path,
        enabled: false,
        running: false,
        last_error: None,
        abi: format!("{}.{}", facts.abi.0, facts.abi.1),
        order: None,
        config: BTreeMap::new(),
        counters: Vec::new(),
        quarantine: None,
        fail_policy: FailPolicy::Open,
        violations: Vec::new(),
        upgrade: None,
        references: 0,
        drop_reasons: Vec::new(),
        isolation: Isolation::None,
        process: None,
    }
}

/// The role in the operator's words.
pub(crate) fn role_of(facts: &ExtensionFacts) -> ExtensionRole {
    match facts.role_name() {
        "capture" => ExtensionRole::Capture,
        "filter" => ExtensionRole::Filter,
        "forwarding" => ExtensionRole::Forwarding,
        _ => ExtensionRole::Service,
    }
}

fn port_drops(state: &State, counters: &Counters, code: usize) -> Vec<PortDropCount> {
    let of_port = |port: &Port| {
        let count = counters.port_drops(PortId::from_raw(port.id.raw()), code);
        let name = PortName::new(&port.name).ok()?;
        (count > 0).then_some(PortDropCount { port: name, count })
    };
    state.switch.ports().filter_map(of_port).collect()
}

fn cost(stage: &str, leg: Leg, measured: Cost) -> StageCost {
    #[expect(clippy::cast_precision_loss, reason = "a mean for people")]
    let mean = if measured.packets == 0 { 0.0 } else { measured.ticks as f64 / measured.packets as f64 };
    StageCost { stage: stage.to_owned(), leg, packets: measured.packets, cycles_per_packet: mean }
}
