//! Views into messages. Nothing here can fail.

use crate::control::{model, wire};

fn list<M: Into<W>, W>(views: Vec<M>) -> Vec<W> {
    views.into_iter().map(Into::into).collect()
}

impl From<model::LawView> for wire::Law {
    fn from(law: model::LawView) -> Self {
        let model::LawView { rx, originated, replicated, tx, dropped, consumed, held, balance } = law;
        Self { rx, originated, replicated, tx, dropped, consumed, held, balance }
    }
}

impl From<model::SwitchView> for wire::Switch {
    fn from(view: model::SwitchView) -> Self {
        Self {
            name: view.name.to_string(),
            r#type: wire::SwitchType::from(view.switch_type).into(),
            workers: view.workers.into(),
            ports: view.ports,
            extensions: view.extensions,
            ageing_seconds: view.ageing_seconds,
            law: Some(view.law.into()),
            troubles: view.troubles,
        }
    }
}

impl From<model::VlanSettings> for wire::Vlan {
    fn from(vlan: model::VlanSettings) -> Self {
        let base = Self { mode: wire::VlanMode::from(vlan.mode()).into(), ..Self::default() };
        match vlan {
            model::VlanSettings::Untagged => base,
            model::VlanSettings::Access { vlan } => Self { vlan: vlan.get().into(), ..base },
            model::VlanSettings::Trunk { allowed, native } => {
                Self { allowed: allowed.to_string(), native: native.map_or(0, |vid| vid.get().into()), ..base }
            }
        }
    }
}

impl From<model::PortCounters> for wire::PortCounters {
    fn from(counters: model::PortCounters) -> Self {
        let model::PortCounters { rx_packets, rx_bytes, tx_packets, tx_bytes, rx_missed, rx_dropped, tx_dropped } =
            counters;
        Self { rx_packets, rx_bytes, tx_packets, tx_bytes, rx_missed, rx_dropped, tx_dropped }
    }
}

impl From<model::PortView> for wire::Port {
    fn from(view: model::PortView) -> Self {
        Self {
            switch: view.switch.to_string(),
            name: view.name.to_string(),
            id: view.id,
            kind: wire::PortKind::from(view.kind).into(),
            backend: wire::Backend::from(view.backend).into(),
            device: view.device,
            state: wire::PortState::from(view.state).into(),
            nic_state: wire::NicState::from(view.nic_state).into(),
            admin: wire::AdminState::from(view.admin).into(),
            trouble: view.trouble,
            notices: view.notices,
            mac: view.mac.map(|mac| mac.to_string()),
            mtu: view.mtu,
            vlan: Some(view.vlan.into()),
            queues: view.queues.into(),
            offload: view.offload,
            fail_policy: wire::FailPolicy::from(view.fail_policy).into(),
            on_loop: wire::LoopAction::from(view.on_loop).into(),
            worker: view.worker.into(),
            counters: Some(view.counters.into()),
        }
    }
}

impl From<model::ExtensionView> for wire::Extension {
    fn from(view: model::ExtensionView) -> Self {
        let counter = |counter: model::ExtensionCounter| {
            let model::ExtensionCounter { name, unit, value } = counter;
            wire::ExtensionCounter { name, unit, value }
        };
        Self {
            switch: view.switch.map(|name| name.to_string()),
            id: view.id,
            name: view.name,
            vendor: view.vendor,
            version: view.version,
            role: wire::ExtensionRole::from(view.role).into(),
            path: view.path,
            enabled: view.enabled,
            running: view.running,
            last_error: view.last_error,
            abi: view.abi,
            order: view.order,
            config: view.config,
            counters: view.counters.into_iter().map(counter).collect(),
            quarantine: view.quarantine.map(Into::into),
            violations: view.violations.into_iter().map(Into::into).collect(),
            upgrade: view.upgrade.map(Into::into),
            isolation: wire::Isolation::from(view.isolation).into(),
            process: view.process.map(|one| wire::ExtensionProcess {
                pid: one.pid,
                sandbox: one.sandbox,
                missed: one.missed,
                late_after_ms: one.late_after_ms,
                kill_after_ms: one.kill_after_ms,
            }),
            references: view.references,
            fail_policy: wire::FailPolicy::from(view.fail_policy).into(),
            drop_reasons: view.drop_reasons.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<model::DropCount> for wire::Drop {
    fn from(drop: model::DropCount) -> Self {
        let port = |port: model::PortDropCount| wire::PortDrops { port: port.port.to_string(), count: port.count };
        Self {
            reason: drop.reason,
            description: drop.description,
            count: drop.count,
            ports: drop.ports.into_iter().map(port).collect(),
        }
    }
}

impl From<model::StageCost> for wire::StageCost {
    fn from(cost: model::StageCost) -> Self {
        Self {
            stage: cost.stage,
            leg: wire::Leg::from(cost.leg).into(),
            packets: cost.packets,
            cycles_per_packet: cost.cycles_per_packet,
        }
    }
}

impl From<model::StatsView> for wire::Stats {
    fn from(view: model::StatsView) -> Self {
        Self {
            switch: Some(view.switch.into()),
            ports: list(view.ports),
            drops: list(view.drops),
            stages: list(view.stages),
            extensions: list(view.extensions),
            taken_nanoseconds: view.taken_nanoseconds,
            loads: list(view.loads),
        }
    }
}

impl From<model::ExtensionLoad> for wire::ExtensionLoad {
    fn from(load: model::ExtensionLoad) -> Self {
        let model::ExtensionLoad { id, packets, dropped, failures, violations } = load;
        Self { id, packets, dropped, failures, violations }
    }
}

impl From<model::FdbEntryView> for wire::FdbEntry {
    fn from(entry: model::FdbEntryView) -> Self {
        Self {
            mac: entry.mac.to_string(),
            vlan: entry.vlan.into(),
            port: entry.port.to_string(),
            kind: wire::FdbEntryKind::from(entry.kind).into(),
            age_seconds: entry.age_seconds,
        }
    }
}

impl From<model::TopologyView> for wire::Topology {
    fn from(view: model::TopologyView) -> Self {
        let switch = |switch: model::TopologySwitch| wire::TopologySwitch {
            switch: Some(switch.switch.into()),
            ports: list(switch.ports),
            extensions: list(switch.extensions),
        };
        Self { switches: view.switches.into_iter().map(switch).collect() }
    }
}

impl From<model::DaemonView> for wire::Daemon {
    fn from(view: model::DaemonView) -> Self {
        let class = |class: model::BufferClassView| {
            let model::BufferClassView { bytes, total, free } = class;
            wire::BufferClass { bytes, total, free }
        };
        let worker = |worker: model::WorkerView| wire::WorkerThread {
            switch: worker.switch.to_string(),
            worker: worker.worker.into(),
            thread_id: worker.thread_id,
            cpu_nanoseconds: worker.cpu_nanoseconds,
        };
        Self {
            version: view.version,
            pid: view.pid,
            supervisor_pid: view.supervisor_pid,
            started_unix_seconds: view.started_unix_seconds,
            uptime_seconds: view.uptime_seconds,
            restarts: view.restarts,
            last_exit: view.last_exit,
            crashes: view.crashes,
            last_crash: view.last_crash.map(Into::into),
            socket: view.socket,
            state_dir: view.state_dir,
            config_file: view.config_file,
            metrics: view.metrics,
            switches: view.switches,
            ports: view.ports,
            buffers: view.engine.buffers.into_iter().map(class).collect(),
            huge_pages: view.engine.huge_pages,
            extension_dirs: view.engine.extension_dirs,
            resident_bytes: view.memory.resident_bytes,
            peak_resident_bytes: view.memory.peak_resident_bytes,
            workers: view.engine.workers.into_iter().map(worker).collect(),
        }
    }
}

impl From<model::LogLevelView> for wire::LogLevels {
    fn from(view: model::LogLevelView) -> Self {
        let target = |(target, level): (model::LogTarget, model::LogLevel)| wire::TargetLogLevel {
            target: target.to_string(),
            level: wire::LogLevel::from(level).into(),
        };
        Self { level: wire::LogLevel::from(view.level).into(), targets: view.targets.into_iter().map(target).collect() }
    }
}

impl From<model::CapturedFrame> for wire::CapturedFrame {
    fn from(frame: model::CapturedFrame) -> Self {
        Self {
            unix_nanoseconds: frame.unix_nanoseconds,
            direction: wire::CaptureDirection::from(frame.direction).into(),
            original_length: frame.original_length,
            data: frame.bytes,
            drop_reason: frame.drop_reason.map(std::borrow::Cow::into_owned),
        }
    }
}

impl From<Vec<model::SwitchView>> for wire::ListSwitchesResponse {
    fn from(views: Vec<model::SwitchView>) -> Self {
        Self { switches: list(views) }
    }
}

impl From<Vec<model::PortView>> for wire::ListPortsResponse {
    fn from(views: Vec<model::PortView>) -> Self {
        Self { ports: list(views) }
    }
}

impl From<Vec<model::ExtensionView>> for wire::ListExtensionsResponse {
    fn from(views: Vec<model::ExtensionView>) -> Self {
        Self { extensions: list(views) }
    }
}

impl From<Vec<model::StatsView>> for wire::GetStatsResponse {
    fn from(views: Vec<model::StatsView>) -> Self {
        Self { stats: list(views) }
    }
}

impl From<Vec<model::FdbEntryView>> for wire::ListFdbResponse {
    fn from(views: Vec<model::FdbEntryView>) -> Self {
        Self { entries: list(views) }
    }
}

impl From<()> for wire::DeleteSwitchResponse {
    fn from((): ()) -> Self {
        Self {}
    }
}

impl From<()> for wire::RemovePortResponse {
    fn from((): ()) -> Self {
        Self {}
    }
}
