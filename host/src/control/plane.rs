//! The border between the operator's surface and the data plane.
//!
//! The gRPC server calls [`ControlPlane`] from blocking threads, several at once; an implementation does its own locking
//! and may block for as long as a change takes to reach every worker. Each method is one atomic step: it happened when it
//! returns `Ok`, and nothing changed when it returns `Err`. Views are taken at one moment each. Authorization is done
//! before a method is called.

use super::capture::CaptureSink;
use super::error::ControlError;
use super::model::{
    CaptureSpec, ConfigChange, DropCount, EngineView, ExtensionConfig, ExtensionId, ExtensionLoad, ExtensionLog,
    ExtensionOrder, ExtensionRef, ExtensionRole, ExtensionSettings, ExtensionView, FdbEntryView, FdbFlush,
    FeatureStatus, FeatureView, PolicyChange, PolicySpec, PolicyView, PortChange, PortCheck, PortName, PortSpec,
    PortView, Probation, QuarantineView, StageCost, StatsView, SwitchName, SwitchSpec, SwitchView, TopologySwitch,
    TopologyView,
};

use crate::trust::Policy;
use nix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::time::Duration;

/// The result of a control request.
pub type ControlResult<T> = Result<T, ControlError>;

/// What an operator can do with the switches of this host.
pub trait ControlPlane: Send + Sync + 'static {
    /// Sets what an extension's file needs before its code may run; before the first request.
    fn set_policy(&self, policy: Policy) {
        // A plane that runs no code of others has nothing to ask for.
        drop(policy);
    }

    /// Creates a switch without ports.
    fn create_switch(&self, spec: SwitchSpec) -> ControlResult<SwitchView>;

    /// Removes a switch with its ports, after their traffic is done and its extensions are detached.
    fn delete_switch(&self, switch: &SwitchName) -> ControlResult<()>;

    /// All switches, by name.
    fn switches(&self) -> ControlResult<Vec<SwitchView>>;

    /// One switch.
    fn switch(&self, switch: &SwitchName) -> ControlResult<SwitchView>;

    /// Adds a port and plugs its backend in.
    fn add_port(&self, switch: &SwitchName, spec: PortSpec) -> ControlResult<PortView>;

    /// Adds several ports, each by itself; what waits in their devices is taken in when all of them are there.
    fn add_ports(&self, switch: &SwitchName, specs: Vec<PortSpec>) -> Vec<ControlResult<()>> {
        specs.into_iter().map(|spec| self.add_port(switch, spec).map(drop)).collect()
    }

    /// Changes what `change` names and nothing else.
    fn set_port(&self, switch: &SwitchName, port: &PortName, change: PortChange) -> ControlResult<PortView>;

    /// Unplugs and removes a port.
    fn remove_port(&self, switch: &SwitchName, port: &PortName) -> ControlResult<()>;

    /// The ports of a switch, by number.
    fn ports(&self, switch: &SwitchName) -> ControlResult<Vec<PortView>>;

    /// Times that a network device of a port got another name so far; the ports' views have the names.
    fn renames(&self) -> u64 {
        0
    }

    /// One port.
    fn port(&self, switch: &SwitchName, port: &PortName) -> ControlResult<PortView>;

    /// With a switch: the extensions enabled on it, in ingress order. Without: every installed extension, built in or
    /// found in an extension directory, with `switch: None`, followed by those enabled on each switch.
    fn extensions(&self, switch: Option<&SwitchName>) -> ControlResult<Vec<ExtensionView>>;

    /// What an extension is, as far as it shows without running any of its code; `None` when its file cannot be read.
    fn identify(&self, extension: &ExtensionRef) -> Option<(ExtensionId, ExtensionRole)> {
        let _ = extension;
        None
    }

    /// SHA-256 of the file of an enabled extension, in hexadecimal; `None` when it is built in or not there.
    fn fingerprint(&self, switch: &SwitchName, extension: &ExtensionId) -> Option<String> {
        let _ = (switch, extension);
        None
    }

    /// The keys of a configuration that an extension refuses by what it publishes, each with the sentence about it. Loads the
    /// extension; one that cannot be loaded refuses nothing here.
    fn wrong_keys(&self, extension: &ExtensionRef, config: &ExtensionConfig) -> Vec<(String, String)> {
        let _ = (extension, config);
        Vec::new()
    }

    /// Loads an extension if need be, configures it and puts it into the stack of a switch, without losing a frame.
    fn enable_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionRef,
        config: ExtensionConfig,
    ) -> ControlResult<ExtensionView>;

    /// Takes an extension out of the stack of a switch, without losing a frame but those that it holds.
    fn disable_extension(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionView>;

    /// One extension as bound to a switch.
    fn extension(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionView>;

    /// Copies the file of an extension into the first extension directory, whole or not at all, after every check of the
    /// loader that runs none of its code. Refuses an identifier that is installed already.
    fn install_extension(&self, file: &Path) -> ControlResult<ExtensionView>;

    /// Removes the file of an installed extension; refused while it is enabled anywhere.
    fn uninstall_extension(&self, extension: &ExtensionId) -> ControlResult<ExtensionView>;

    /// Puts another file of an enabled extension into its place, with its state, without losing a frame. The former version is
    /// gone back to by itself when the new one panics or breaks rules within its probation.
    fn upgrade_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        file: &Path,
        probation: Probation,
    ) -> ControlResult<ExtensionView>;

    /// Goes back to the version that ran before the last upgrade, with its state at that time.
    fn rollback_extension(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionView>;

    /// Rewrites the ingress order of the extensions of a role on every worker, without losing a frame. `order` names all
    /// enabled ones of each role in it; answers with the whole stack in its new order.
    fn order_extensions(&self, switch: &SwitchName, order: &ExtensionOrder) -> ControlResult<Vec<ExtensionView>>;

    /// The newest lines (`lines` of them, or all that are kept) an enabled extension wrote to the log.
    fn extension_log(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        lines: Option<u32>,
    ) -> ControlResult<ExtensionLog>;

    /// The configuration of an enabled extension: the keys it publishes, with their values in effect.
    fn extension_settings(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionSettings>;

    /// Changes the configuration of an extension while it runs, all of `change` or nothing; answers with the whole.
    fn configure_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        change: &ConfigChange,
    ) -> ControlResult<ExtensionSettings>;

    /// The features that can be put on a switch and its ports, and what is put.
    fn policies(&self, switch: &SwitchName) -> ControlResult<(Vec<FeatureView>, Vec<PolicyView>)>;

    /// Puts, changes or takes away a property, after every extension concerned has accepted it.
    fn change_policy(&self, switch: &SwitchName, change: &PolicyChange) -> ControlResult<PolicyView>;

    /// Keeps properties for extensions and ports that are not there yet; nobody is asked.
    fn load_policies(&self, switch: &SwitchName, policies: Vec<PolicySpec>) -> ControlResult<()> {
        let _ = (switch, policies);
        Ok(())
    }

    /// Runtime data an extension tells of its features on a port, or on the switch.
    fn feature_status(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        port: Option<&PortName>,
    ) -> ControlResult<Vec<FeatureStatus>>;

    /// Has the extensions judge a port that is not made: its name, kind, address, VLAN and policies. The device is not
    /// looked at, and what is only unavailable now is no objection.
    fn check_port(&self, switch: &SwitchName, spec: PortSpec, policies: Vec<PolicySpec>) -> ControlResult<PortCheck>;

    /// Extensions in quarantine on one switch or on all, oldest first. They do not run and cannot be enabled there.
    fn quarantines(&self, switch: Option<&SwitchName>) -> ControlResult<Vec<QuarantineView>>;

    /// Takes up who is in quarantine from before this process.
    fn restore_quarantines(&self, records: Vec<QuarantineView>) {
        let _ = records;
    }

    /// Lets an extension out of quarantine and, when it is enabled still, starts it; when it does not start it stays in.
    fn clear_quarantine(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<QuarantineView>;

    /// Drops of a switch by reason, largest first; reasons that never happened are left out.
    fn drops(&self, switch: &SwitchName) -> ControlResult<Vec<DropCount>>;

    /// Cost of each stage of a switch in the order a packet meets them.
    fn stages(&self, switch: &SwitchName) -> ControlResult<Vec<StageCost>>;

    /// What each enabled extension of a switch was shown, in ingress order.
    fn loads(&self, switch: &SwitchName) -> ControlResult<Vec<ExtensionLoad>>;

    /// The filtering database of a switch, merged over its workers, by VLAN and address.
    fn fdb(&self, switch: &SwitchName) -> ControlResult<Vec<FdbEntryView>>;

    /// Forgets learned addresses; static entries stay. Gives how many addresses, as the worker counted that knew most. No
    /// worker is held up for longer than a slice of its table takes; what is learned meanwhile may stay.
    fn flush_fdb(&self, switch: &SwitchName, flush: &FdbFlush) -> ControlResult<u64>;

    /// Starts copying the frames of a port into `sink`, and returns at once. The capture ends when the plane drops the
    /// sink (port removed) or when [`CaptureSink::offer`] or [`CaptureSink::is_closed`] says nobody listens any more.
    fn start_capture(&self, spec: CaptureSpec, sink: CaptureSink) -> ControlResult<()>;

    /// What the data plane as a whole reports of itself.
    fn engine(&self) -> ControlResult<EngineView>;

    /// Stops all workers and releases all devices; no other method is called afterwards. Must return within a second.
    fn shut_down(&self);

    /// Everything counted about one switch.
    fn stats(&self, switch: &SwitchName) -> ControlResult<StatsView> {
        Ok(StatsView {
            switch: self.switch(switch)?,
            ports: self.ports(switch)?,
            drops: self.drops(switch)?,
            stages: self.stages(switch)?,
            extensions: self.extensions(Some(switch))?,
            loads: self.loads(switch)?,
            taken_nanoseconds: steady_nanoseconds(),
        })
    }

    /// Everything on this host. A switch deleted meanwhile is left out.
    fn topology(&self) -> ControlResult<TopologyView> {
        let mut switches = Vec::new();
        for switch in self.switches()? {
            let parts = self.ports(&switch.name).and_then(|ports| Ok((ports, self.extensions(Some(&switch.name))?)));
            match parts {
                Ok((ports, extensions)) => switches.push(TopologySwitch { switch, ports, extensions }),
                Err(ControlError::NoSuchSwitch { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(TopologyView { switches })
    }
}

/// The steady clock of this host, for rates between two readings.
fn steady_nanoseconds() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
