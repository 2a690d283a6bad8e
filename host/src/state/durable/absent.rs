//! What operators see of the parts that are desired and absent: the desired settings, no counters, and the reason.

use super::ledger::{Kept, Ledger, Part};
use crate::control::model::{
    AdminState, ExtensionRole, ExtensionView, LawView, NicState, PortCounters, PortSpec, PortState, PortView,
    SwitchName, SwitchView, VlanSettings,
};
use crate::state::record::{ExtensionRecord, PortRecord};

impl Ledger {
    /// The plane's switches and the absent ones.
    pub(super) fn complete_switches(&self, views: Vec<SwitchView>) -> Vec<SwitchView> {
        let mut views: Vec<SwitchView> = views.into_iter().map(|view| self.complete_switch(view)).collect();
        let known: Vec<SwitchName> = views.iter().map(|view| view.name.clone()).collect();
        let absent = self.switches.keys().filter(|name| !known.contains(name));
        views.extend(absent.filter_map(|name| self.absent_switch(name)));
        views.sort_by(|a, b| a.name.cmp(&b.name));
        views
    }

    /// A switch of the plane with its absent parts.
    pub(super) fn complete_switch(&self, mut view: SwitchView) -> SwitchView {
        if let Some(kept) = self.switches.get(&view.name) {
            let ports = kept.ports.iter().filter(|part| part.absent.is_some()).count();
            view.ports = view.ports.saturating_add(u32::try_from(ports).unwrap_or(u32::MAX));
            let absent = kept.extensions.iter().filter(|part| part.absent.is_some());
            view.extensions.extend(absent.map(|part| part.record.shown_id()));
            view.troubles.extend(kept.troubles());
        }
        view
    }

    /// A switch the plane does not have.
    pub(super) fn absent_switch(&self, name: &SwitchName) -> Option<SwitchView> {
        let kept = self.switches.get(name).filter(|kept| kept.absent.is_some())?;
        let view = SwitchView {
            name: name.clone(),
            switch_type: kept.record.switch_type,
            workers: kept.record.workers.get(),
            ports: 0,
            extensions: Vec::new(),
            ageing_seconds: kept.record.ageing.get(),
            troubles: Vec::new(),
            law: LawView::default(),
        };
        Some(self.complete_switch(view))
    }

    /// Ports of a switch that the plane does not have.
    pub(super) fn absent_ports(&self, switch: &SwitchName) -> Vec<PortView> {
        let parts = self.switches.get(switch).map(|kept| kept.ports.as_slice()).unwrap_or_default();
        parts.iter().filter_map(|part| port_view(switch, part)).collect()
    }

    /// A port that the plane does not have.
    pub(super) fn absent_port(&self, switch: &SwitchName, key: &str) -> Option<PortView> {
        port_view(switch, self.port(switch, key)?)
    }

    /// Extensions the plane does not have.
    pub(super) fn absent_extensions(&self, switch: Option<&SwitchName>) -> Vec<ExtensionView> {
        let wanted = |kept: &&Kept| switch.is_none_or(|switch| *switch == kept.record.name);
        let of = |kept: &Kept| -> Vec<ExtensionView> {
            kept.extensions.iter().filter_map(|part| extension_view(&kept.record.name, part)).collect()
        };
        self.switches.values().filter(wanted).flat_map(of).collect()
    }

    /// An extension the plane does not have.
    pub(super) fn absent_extension(&self, switch: &SwitchName, id: &str) -> Option<ExtensionView> {
        let kept = self.switches.get(switch)?;
        let part = kept.extensions.iter().find(|part| part.key == id || part.record.shown_id() == id)?;
        extension_view(switch, part)
    }
}

fn port_view(switch: &SwitchName, part: &Part<PortRecord>) -> Option<PortView> {
    let trouble = part.absent.clone()?;
    let record = &part.record;
    let settings = PortSpec::from_record(record).ok();
    Some(PortView {
        switch: switch.clone(),
        name: record.name.clone(),
        id: 0,
        kind: record.kind,
        backend: record.backend,
        device: record.device.clone(),
        state: PortState::Created,
        nic_state: NicState::Absent,
        admin: settings.as_ref().map_or(AdminState::Up, |spec| spec.settings().admin()),
        trouble: Some(trouble),
        notices: Vec::new(),
        mac: record.mac,
        mtu: record.mtu.get(),
        vlan: settings.map_or(VlanSettings::Untagged, |spec| spec.settings().vlan().clone()),
        queues: record.queues.get(),
        offload: record.offload,
        fail_policy: record.fail_policy,
        on_loop: record.on_loop,
        worker: 0,
        counters: PortCounters::default(),
    })
}

fn extension_view(switch: &SwitchName, part: &Part<ExtensionRecord>) -> Option<ExtensionView> {
    let trouble = part.absent.clone()?;
    let record = &part.record;
    Some(ExtensionView {
        switch: Some(switch.clone()),
        id: record.shown_id(),
        name: record.shown_id(),
        vendor: String::new(),
        version: String::new(),
        role: record.role.unwrap_or(ExtensionRole::Unknown),
        path: record.extension.starts_with('/').then(|| record.extension.clone()),
        enabled: true,
        running: false,
        last_error: Some(trouble),
        abi: String::new(),
        order: None,
        config: record.config.iter().map(|(key, value)| (key.clone(), value.0.clone())).collect(),
        counters: Vec::new(),
        quarantine: None,
        fail_policy: part.record.fail_policy,
        violations: Vec::new(),
        upgrade: None,
        isolation: record.isolation,
        process: None,
        references: 0,
        drop_reasons: Vec::new(),
    })
}
