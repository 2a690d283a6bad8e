//! Messages back into views, for the client. Fails only on an answer of a daemon that is newer or broken.

use super::UnreadableAnswer;
use super::words::Word;
use crate::control::{model, wire};

type Read<T> = Result<T, UnreadableAnswer>;

fn bad(field: &'static str, value: impl ToString) -> UnreadableAnswer {
    UnreadableAnswer { field, value: value.to_string() }
}

fn word<W: Word>(number: i32) -> Read<W> {
    W::from_number(number).ok_or_else(|| bad(W::FIELD, number))
}

fn parsed<T: std::str::FromStr>(field: &'static str, text: &str) -> Read<T> {
    text.parse().map_err(|_| bad(field, text))
}

fn small(field: &'static str, number: u32) -> Read<u16> {
    u16::try_from(number).map_err(|_| bad(field, number))
}

fn list<W, M: TryFrom<W, Error = UnreadableAnswer>>(messages: Vec<W>) -> Read<Vec<M>> {
    messages.into_iter().map(M::try_from).collect()
}

fn present<W, M: TryFrom<W, Error = UnreadableAnswer>>(field: &'static str, message: Option<W>) -> Read<M> {
    message.ok_or_else(|| bad(field, "nothing"))?.try_into()
}

impl From<wire::Law> for model::LawView {
    fn from(law: wire::Law) -> Self {
        let wire::Law { rx, originated, replicated, tx, dropped, consumed, held, balance } = law;
        Self { rx, originated, replicated, tx, dropped, consumed, held, balance }
    }
}

impl TryFrom<wire::Switch> for model::SwitchView {
    type Error = UnreadableAnswer;

    fn try_from(switch: wire::Switch) -> Read<Self> {
        Ok(Self {
            name: parsed("switch name", &switch.name)?,
            switch_type: word(switch.r#type)?,
            workers: small("workers", switch.workers)?,
            ports: switch.ports,
            extensions: switch.extensions,
            ageing_seconds: switch.ageing_seconds,
            law: switch.law.unwrap_or_default().into(),
            troubles: switch.troubles,
        })
    }
}

fn vid(number: u32) -> Read<model::Vid> {
    model::Vid::new(number).map_err(|_| bad("VLAN", number))
}

impl TryFrom<wire::Vlan> for model::VlanSettings {
    type Error = UnreadableAnswer;

    fn try_from(vlan: wire::Vlan) -> Read<Self> {
        Ok(match word(vlan.mode)? {
            model::VlanMode::Untagged => Self::Untagged,
            model::VlanMode::Access => Self::Access { vlan: vid(vlan.vlan)? },
            model::VlanMode::Trunk => Self::Trunk {
                allowed: parsed("VLAN list", &vlan.allowed)?,
                native: if vlan.native == 0 { None } else { Some(vid(vlan.native)?) },
            },
        })
    }
}

impl From<wire::PortCounters> for model::PortCounters {
    fn from(counters: wire::PortCounters) -> Self {
        let wire::PortCounters { rx_packets, rx_bytes, tx_packets, tx_bytes, rx_missed, rx_dropped, tx_dropped } =
            counters;
        Self { rx_packets, rx_bytes, tx_packets, tx_bytes, rx_missed, rx_dropped, tx_dropped }
    }
}

impl TryFrom<wire::Port> for model::PortView {
    type Error = UnreadableAnswer;

    fn try_from(port: wire::Port) -> Read<Self> {
        Ok(Self {
            switch: parsed("switch name", &port.switch)?,
            name: parsed("port name", &port.name)?,
            id: port.id,
            kind: word(port.kind)?,
            backend: word(port.backend)?,
            device: port.device,
            state: word(port.state)?,
            nic_state: word(port.nic_state)?,
            admin: word(port.admin)?,
            trouble: port.trouble,
            notices: port.notices,
            mac: port.mac.map(|mac| parsed("MAC address", &mac)).transpose()?,
            mtu: port.mtu,
            vlan: present("vlan", port.vlan)?,
            queues: small("queues", port.queues)?,
            offload: port.offload,
            fail_policy: word(port.fail_policy)?,
            on_loop: word(port.on_loop)?,
            worker: small("worker", port.worker)?,
            counters: port.counters.unwrap_or_default().into(),
        })
    }
}

impl TryFrom<wire::Extension> for model::ExtensionView {
    type Error = UnreadableAnswer;

    fn try_from(extension: wire::Extension) -> Read<Self> {
        let counter = |counter: wire::ExtensionCounter| {
            let wire::ExtensionCounter { name, unit, value } = counter;
            model::ExtensionCounter { name, unit, value }
        };
        Ok(Self {
            switch: extension.switch.map(|name| parsed("switch name", &name)).transpose()?,
            id: extension.id,
            name: extension.name,
            vendor: extension.vendor,
            version: extension.version,
            role: word(extension.role)?,
            path: extension.path,
            enabled: extension.enabled,
            running: extension.running,
            last_error: extension.last_error,
            abi: extension.abi,
            order: extension.order,
            config: extension.config,
            counters: extension.counters.into_iter().map(counter).collect(),
            quarantine: extension.quarantine.map(TryInto::try_into).transpose()?,
            violations: extension.violations.into_iter().map(Into::into).collect(),
            upgrade: extension.upgrade.map(TryInto::try_into).transpose()?,
            isolation: word(extension.isolation)?,
            process: extension.process.map(|one| model::ProcessView {
                pid: one.pid,
                sandbox: one.sandbox,
                missed: one.missed,
                late_after_ms: one.late_after_ms,
                kill_after_ms: one.kill_after_ms,
            }),
            references: extension.references,
            fail_policy: word(extension.fail_policy)?,
            drop_reasons: extension.drop_reasons.into_iter().map(Into::into).collect(),
        })
    }
}

impl TryFrom<wire::Drop> for model::DropCount {
    type Error = UnreadableAnswer;

    fn try_from(drop: wire::Drop) -> Read<Self> {
        let port = |port: wire::PortDrops| {
            Ok(model::PortDropCount { port: parsed("port name", &port.port)?, count: port.count })
        };
        Ok(Self {
            reason: drop.reason,
            description: drop.description,
            count: drop.count,
            ports: drop.ports.into_iter().map(port).collect::<Read<_>>()?,
        })
    }
}

impl TryFrom<wire::StageCost> for model::StageCost {
    type Error = UnreadableAnswer;

    fn try_from(cost: wire::StageCost) -> Read<Self> {
        let wire::StageCost { stage, leg, packets, cycles_per_packet } = cost;
        Ok(Self { stage, leg: word(leg)?, packets, cycles_per_packet })
    }
}

impl TryFrom<wire::Stats> for model::StatsView {
    type Error = UnreadableAnswer;

    fn try_from(stats: wire::Stats) -> Read<Self> {
        Ok(Self {
            switch: present("switch", stats.switch)?,
            ports: list(stats.ports)?,
            drops: list(stats.drops)?,
            stages: list(stats.stages)?,
            extensions: list(stats.extensions)?,
            loads: stats.loads.into_iter().map(Into::into).collect(),
            taken_nanoseconds: stats.taken_nanoseconds,
        })
    }
}

impl From<wire::ExtensionLoad> for model::ExtensionLoad {
    fn from(load: wire::ExtensionLoad) -> Self {
        let wire::ExtensionLoad { id, packets, dropped, failures, violations } = load;
        Self { id, packets, dropped, failures, violations }
    }
}

impl TryFrom<wire::FdbEntry> for model::FdbEntryView {
    type Error = UnreadableAnswer;

    fn try_from(entry: wire::FdbEntry) -> Read<Self> {
        Ok(Self {
            mac: parsed("MAC address", &entry.mac)?,
            vlan: small("VLAN", entry.vlan)?,
            port: parsed("port name", &entry.port)?,
            kind: word(entry.kind)?,
            age_seconds: entry.age_seconds,
        })
    }
}

impl TryFrom<wire::Topology> for model::TopologyView {
    type Error = UnreadableAnswer;

    fn try_from(topology: wire::Topology) -> Read<Self> {
        let switch = |switch: wire::TopologySwitch| {
            Ok(model::TopologySwitch {
                switch: present("switch", switch.switch)?,
                ports: list(switch.ports)?,
                extensions: list(switch.extensions)?,
            })
        };
        Ok(Self { switches: topology.switches.into_iter().map(switch).collect::<Read<_>>()? })
    }
}

impl TryFrom<wire::Daemon> for model::DaemonView {
    type Error = UnreadableAnswer;

    fn try_from(daemon: wire::Daemon) -> Read<Self> {
        let class = |class: wire::BufferClass| {
            let wire::BufferClass { bytes, total, free } = class;
            model::BufferClassView { bytes, total, free }
        };
        let worker = |worker: wire::WorkerThread| {
            Ok(model::WorkerView {
                switch: parsed("switch name", &worker.switch)?,
                worker: small("worker", worker.worker)?,
                thread_id: worker.thread_id,
                cpu_nanoseconds: worker.cpu_nanoseconds,
            })
        };
        Ok(Self {
            version: daemon.version,
            pid: daemon.pid,
            supervisor_pid: daemon.supervisor_pid,
            started_unix_seconds: daemon.started_unix_seconds,
            uptime_seconds: daemon.uptime_seconds,
            restarts: daemon.restarts,
            last_exit: daemon.last_exit,
            crashes: daemon.crashes,
            last_crash: daemon.last_crash.map(Into::into),
            socket: daemon.socket,
            state_dir: daemon.state_dir,
            config_file: daemon.config_file,
            metrics: daemon.metrics,
            switches: daemon.switches,
            ports: daemon.ports,
            memory: model::MemoryView {
                resident_bytes: daemon.resident_bytes,
                peak_resident_bytes: daemon.peak_resident_bytes,
            },
            engine: model::EngineView {
                buffers: daemon.buffers.into_iter().map(class).collect(),
                workers: daemon.workers.into_iter().map(worker).collect::<Read<_>>()?,
                huge_pages: daemon.huge_pages,
                extension_dirs: daemon.extension_dirs,
            },
        })
    }
}

impl TryFrom<wire::LogLevels> for model::LogLevelView {
    type Error = UnreadableAnswer;

    fn try_from(levels: wire::LogLevels) -> Read<Self> {
        let target = |one: wire::TargetLogLevel| Ok((parsed("log target", &one.target)?, word(one.level)?));
        Ok(Self { level: word(levels.level)?, targets: levels.targets.into_iter().map(target).collect::<Read<_>>()? })
    }
}

impl TryFrom<wire::CapturedFrame> for model::CapturedFrame {
    type Error = UnreadableAnswer;

    fn try_from(frame: wire::CapturedFrame) -> Read<Self> {
        Ok(Self {
            unix_nanoseconds: frame.unix_nanoseconds,
            direction: word(frame.direction)?,
            original_length: frame.original_length,
            bytes: frame.data,
            drop_reason: frame.drop_reason.map(std::borrow::Cow::Owned),
        })
    }
}
