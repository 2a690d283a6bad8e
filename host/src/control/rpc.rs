//! The gRPC service: who may, what is asked, ask the plane, answer.
//!
//! The plane's methods block, so each runs on tokio's blocking threads; at most [`MAX_REQUESTS`] at a time, the next one is
//! told that the daemon is busy. Changes are logged with the user who made them. A plane that panics costs that one
//! request.

mod facts;
mod request;

pub use facts::DaemonFacts;

use super::capture::capture_pipe;
use super::convert::extension::extension_file;
use super::convert::policy::{ChangePolicy, CheckPort};
use super::convert::request::{AddPort, Modes, SetPort, extension_config, fail_policy, log_level};
use super::error::ControlError;
use super::model::{
    CaptureSpec, ConfigChange, ExtensionId, ExtensionOrder, ExtensionRef, FdbFlush, InvalidValue, LogTarget, PortName,
    Probation, StatsView, SwitchName, SwitchSpec,
};
use super::peer::{AccessPolicy, Right};
use super::plane::{ControlPlane, ControlResult};
use super::stream::{CaptureLimits, CaptureStream, stream_capture};
use super::wire::control_server::Control;
use super::{status, wire};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tonic::{Request, Response, Status};

/// Requests the plane works on at once.
pub const MAX_REQUESTS: usize = 32;
/// Captures running at once.
pub const MAX_CAPTURES: usize = 16;

/// The service over one plane.
pub struct ControlService {
    plane: Arc<dyn ControlPlane>,
    facts: Arc<DaemonFacts>,
    access: AccessPolicy,
    requests: Arc<Semaphore>,
    captures: Arc<Semaphore>,
    stopping: watch::Receiver<bool>,
}

impl ControlService {
    /// A service that ends its captures when `stopping` turns true.
    #[must_use]
    pub fn new(
        plane: Arc<dyn ControlPlane>,
        facts: DaemonFacts,
        access: AccessPolicy,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            plane,
            facts: Arc::new(facts),
            access,
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
            captures: Arc::new(Semaphore::new(MAX_CAPTURES)),
            stopping,
        }
    }

    /// Who may be seated where.
    pub(super) const fn access(&self) -> AccessPolicy {
        self.access
    }
}

/// What a change is about, for the log.
fn subject(switch: &str, thing: &str) -> String {
    format!("{switch} {thing}")
}

fn switch_name(name: &str) -> Result<SwitchName, InvalidValue> {
    SwitchName::new(name)
}

#[tonic::async_trait]
impl Control for ControlService {
    type CaptureStream = CaptureStream;

    async fn create_switch(
        &self,
        request: Request<wire::CreateSwitchRequest>,
    ) -> Result<Response<wire::Switch>, Status> {
        self.change("CreateSwitch", request.get_ref().name.clone(), request, |plane, asked| {
            plane.create_switch(SwitchSpec::try_from(asked)?)
        })
        .await
    }

    async fn delete_switch(
        &self,
        request: Request<wire::DeleteSwitchRequest>,
    ) -> Result<Response<wire::DeleteSwitchResponse>, Status> {
        self.change("DeleteSwitch", request.get_ref().name.clone(), request, |plane, asked| {
            plane.delete_switch(&switch_name(&asked.name)?)
        })
        .await
    }

    async fn list_switches(
        &self,
        request: Request<wire::ListSwitchesRequest>,
    ) -> Result<Response<wire::ListSwitchesResponse>, Status> {
        self.read(request, |plane, _| plane.switches()).await
    }

    async fn get_switch(&self, request: Request<wire::GetSwitchRequest>) -> Result<Response<wire::Switch>, Status> {
        self.read(request, |plane, asked| plane.switch(&switch_name(&asked.name)?)).await
    }

    async fn add_port(&self, request: Request<wire::AddPortRequest>) -> Result<Response<wire::Port>, Status> {
        self.change("AddPort", subject(&request.get_ref().switch, &request.get_ref().port), request, |plane, asked| {
            let AddPort { switch, spec } = asked.try_into()?;
            plane.add_port(&switch, spec)
        })
        .await
    }

    async fn set_port(&self, request: Request<wire::SetPortRequest>) -> Result<Response<wire::Port>, Status> {
        self.change("SetPort", subject(&request.get_ref().switch, &request.get_ref().port), request, |plane, asked| {
            let SetPort { switch, port, change } = asked.try_into()?;
            plane.set_port(&switch, &port, change)
        })
        .await
    }

    async fn remove_port(
        &self,
        request: Request<wire::RemovePortRequest>,
    ) -> Result<Response<wire::RemovePortResponse>, Status> {
        self.change(
            "RemovePort",
            subject(&request.get_ref().switch, &request.get_ref().port),
            request,
            |plane, asked| plane.remove_port(&switch_name(&asked.switch)?, &PortName::new(&asked.port)?),
        )
        .await
    }

    async fn list_ports(
        &self,
        request: Request<wire::ListPortsRequest>,
    ) -> Result<Response<wire::ListPortsResponse>, Status> {
        self.read(request, |plane, asked| plane.ports(&switch_name(&asked.switch)?)).await
    }

    async fn get_port(&self, request: Request<wire::GetPortRequest>) -> Result<Response<wire::Port>, Status> {
        self.read(request, |plane, asked| plane.port(&switch_name(&asked.switch)?, &PortName::new(&asked.port)?)).await
    }

    async fn list_extensions(
        &self,
        request: Request<wire::ListExtensionsRequest>,
    ) -> Result<Response<wire::ListExtensionsResponse>, Status> {
        self.read(request, |plane, asked| {
            let switch = asked.switch.as_deref().map(switch_name).transpose()?;
            plane.extensions(switch.as_ref())
        })
        .await
    }

    async fn enable_extension(
        &self,
        request: Request<wire::EnableExtensionRequest>,
    ) -> Result<Response<wire::Extension>, Status> {
        self.change(
            "EnableExtension",
            subject(&request.get_ref().switch, &request.get_ref().extension),
            request,
            |plane, asked| {
                let switch = switch_name(&asked.switch)?;
                let extension = ExtensionRef::new(&asked.extension)?;
                let modes = Modes {
                    isolation: asked.isolation,
                    fail_policy: asked.fail_policy,
                    late_after_ms: asked.late_after_ms,
                    kill_after_ms: asked.kill_after_ms,
                };
                let config = extension_config(asked.config, asked.config_file, &modes)?;
                plane.enable_extension(&switch, &extension, config)
            },
        )
        .await
    }

    async fn disable_extension(
        &self,
        request: Request<wire::DisableExtensionRequest>,
    ) -> Result<Response<wire::Extension>, Status> {
        self.change(
            "DisableExtension",
            subject(&request.get_ref().switch, &request.get_ref().id),
            request,
            |plane, asked| plane.disable_extension(&switch_name(&asked.switch)?, &ExtensionId::new(&asked.id)?),
        )
        .await
    }

    async fn get_extension(
        &self,
        request: Request<wire::GetExtensionRequest>,
    ) -> Result<Response<wire::Extension>, Status> {
        self.read(request, |plane, asked| plane.extension(&switch_name(&asked.switch)?, &ExtensionId::new(&asked.id)?))
            .await
    }

    async fn install_extension(
        &self,
        request: Request<wire::InstallExtensionRequest>,
    ) -> Result<Response<wire::Extension>, Status> {
        self.change("InstallExtension", request.get_ref().path.clone(), request, |plane, asked| {
            plane.install_extension(&extension_file(&asked.path)?)
        })
        .await
    }

    async fn upgrade_extension(
        &self,
        request: Request<wire::UpgradeExtensionRequest>,
    ) -> Result<Response<wire::Extension>, Status> {
        let about = subject(&request.get_ref().switch, &request.get_ref().id);
        self.change("UpgradeExtension", about, request, |plane, asked| {
            let probation = asked.probation_seconds.map(Probation::new).transpose()?.unwrap_or_default();
            let (switch, id) = (switch_name(&asked.switch)?, ExtensionId::new(&asked.id)?);
            plane.upgrade_extension(&switch, &id, &extension_file(&asked.path)?, probation)
        })
        .await
    }

    async fn rollback_extension(
        &self,
        request: Request<wire::RollbackExtensionRequest>,
    ) -> Result<Response<wire::Extension>, Status> {
        let about = subject(&request.get_ref().switch, &request.get_ref().id);
        self.change("RollbackExtension", about, request, |plane, asked| {
            plane.rollback_extension(&switch_name(&asked.switch)?, &ExtensionId::new(&asked.id)?)
        })
        .await
    }

    async fn uninstall_extension(
        &self,
        request: Request<wire::UninstallExtensionRequest>,
    ) -> Result<Response<wire::Extension>, Status> {
        self.change("UninstallExtension", request.get_ref().id.clone(), request, |plane, asked| {
            plane.uninstall_extension(&ExtensionId::new(&asked.id)?)
        })
        .await
    }

    async fn order_extensions(
        &self,
        request: Request<wire::OrderExtensionsRequest>,
    ) -> Result<Response<wire::OrderExtensionsResponse>, Status> {
        let about = subject(&request.get_ref().switch, &request.get_ref().ids.join(" "));
        self.change("OrderExtensions", about, request, |plane, asked| {
            let ids = asked.ids.iter().map(|id| ExtensionId::new(id)).collect::<Result<_, _>>()?;
            plane.order_extensions(&switch_name(&asked.switch)?, &ExtensionOrder::new(ids)?)
        })
        .await
    }

    async fn get_extension_log(
        &self,
        request: Request<wire::GetExtensionLogRequest>,
    ) -> Result<Response<wire::ExtensionLog>, Status> {
        self.read(request, |plane, asked| {
            plane.extension_log(&switch_name(&asked.switch)?, &ExtensionId::new(&asked.id)?, asked.lines)
        })
        .await
    }

    async fn get_extension_config(
        &self,
        request: Request<wire::GetExtensionConfigRequest>,
    ) -> Result<Response<wire::ExtensionSettings>, Status> {
        self.read(request, |plane, asked| {
            plane.extension_settings(&switch_name(&asked.switch)?, &ExtensionId::new(&asked.id)?)
        })
        .await
    }

    async fn configure_extension(
        &self,
        request: Request<wire::ConfigureExtensionRequest>,
    ) -> Result<Response<wire::ExtensionSettings>, Status> {
        let about = subject(&request.get_ref().switch, &request.get_ref().id);
        self.change("ConfigureExtension", about, request, |plane, asked| {
            let set = asked.set.into_iter().map(|pair| (pair.key, pair.value)).collect();
            let change = ConfigChange::with_policy(set, asked.unset, fail_policy(asked.fail_policy)?)?;
            plane.configure_extension(&switch_name(&asked.switch)?, &ExtensionId::new(&asked.id)?, &change)
        })
        .await
    }

    async fn check_port(&self, request: Request<wire::CheckPortRequest>) -> Result<Response<wire::PortCheck>, Status> {
        self.read(request, |plane, asked| {
            let CheckPort { switch, spec, policies } = CheckPort::try_from(asked)?;
            plane.check_port(&switch, spec, policies)
        })
        .await
    }

    async fn list_policies(
        &self,
        request: Request<wire::ListPoliciesRequest>,
    ) -> Result<Response<wire::ListPoliciesResponse>, Status> {
        self.read(request, |plane, asked| plane.policies(&switch_name(&asked.switch)?)).await
    }

    async fn change_policy(
        &self,
        request: Request<wire::ChangePolicyRequest>,
    ) -> Result<Response<wire::Policy>, Status> {
        let feature = request.get_ref().policy.as_ref().map_or("", |policy| policy.feature.as_str());
        let about = subject(&request.get_ref().switch, feature);
        self.change("ChangePolicy", about, request, |plane, asked| {
            let ChangePolicy { switch, change } = ChangePolicy::try_from(asked)?;
            plane.change_policy(&switch, &change)
        })
        .await
    }

    async fn get_feature_status(
        &self,
        request: Request<wire::GetFeatureStatusRequest>,
    ) -> Result<Response<wire::GetFeatureStatusResponse>, Status> {
        self.read(request, |plane, asked| {
            let port = asked.port.as_deref().map(PortName::new).transpose()?;
            plane.feature_status(&switch_name(&asked.switch)?, &ExtensionId::new(&asked.id)?, port.as_ref())
        })
        .await
    }

    async fn list_quarantines(
        &self,
        request: Request<wire::ListQuarantinesRequest>,
    ) -> Result<Response<wire::ListQuarantinesResponse>, Status> {
        self.read(request, |plane, asked| {
            let switch = asked.switch.as_deref().map(switch_name).transpose()?;
            plane.quarantines(switch.as_ref())
        })
        .await
    }

    async fn clear_quarantine(
        &self,
        request: Request<wire::ClearQuarantineRequest>,
    ) -> Result<Response<wire::Quarantine>, Status> {
        let about = subject(&request.get_ref().switch, &request.get_ref().id);
        self.change("ClearQuarantine", about, request, |plane, asked| {
            plane.clear_quarantine(&switch_name(&asked.switch)?, &ExtensionId::new(&asked.id)?)
        })
        .await
    }

    async fn get_stats(
        &self,
        request: Request<wire::GetStatsRequest>,
    ) -> Result<Response<wire::GetStatsResponse>, Status> {
        self.read(request, |plane, asked| match asked.switch {
            Some(name) => Ok(vec![plane.stats(&switch_name(&name)?)?]),
            None => plane
                .switches()?
                .iter()
                .map(|switch| plane.stats(&switch.name))
                .collect::<ControlResult<Vec<StatsView>>>(),
        })
        .await
    }

    async fn list_fdb(
        &self,
        request: Request<wire::ListFdbRequest>,
    ) -> Result<Response<wire::ListFdbResponse>, Status> {
        self.read(request, |plane, asked| plane.fdb(&switch_name(&asked.switch)?)).await
    }

    async fn flush_fdb(
        &self,
        request: Request<wire::FlushFdbRequest>,
    ) -> Result<Response<wire::FlushFdbResponse>, Status> {
        self.change("FlushFdb", request.get_ref().switch.clone(), request, |plane, asked| {
            let port = asked.port.as_deref().map(PortName::new).transpose()?;
            let flush = FdbFlush::new(port, asked.vlan)?;
            let removed = plane.flush_fdb(&switch_name(&asked.switch)?, &flush)?;
            Ok(wire::FlushFdbResponse { removed })
        })
        .await
    }

    async fn get_topology(
        &self,
        request: Request<wire::GetTopologyRequest>,
    ) -> Result<Response<wire::Topology>, Status> {
        self.read(request, |plane, _| plane.topology()).await
    }

    async fn get_daemon(&self, request: Request<wire::GetDaemonRequest>) -> Result<Response<wire::Daemon>, Status> {
        let facts = Arc::clone(&self.facts);
        self.read(request, move |plane, _| facts.view(plane)).await
    }

    async fn get_log_level(
        &self,
        request: Request<wire::GetLogLevelRequest>,
    ) -> Result<Response<wire::LogLevels>, Status> {
        let log = Arc::clone(&self.facts.log);
        self.read(request, move |_, _| Ok(log.show())).await
    }

    async fn set_log_level(
        &self,
        request: Request<wire::SetLogLevelRequest>,
    ) -> Result<Response<wire::LogLevels>, Status> {
        let log = Arc::clone(&self.facts.log);
        let about = request.get_ref().target.clone().unwrap_or_default();
        self.change("SetLogLevel", about, request, move |_, asked| {
            let target = asked.target.as_deref().map(LogTarget::new).transpose()?;
            match log_level(asked.level)? {
                Some(level) => log.set(target, level),
                None => log.reset(target.as_ref()),
            }
        })
        .await
    }

    async fn capture(&self, request: Request<wire::CaptureRequest>) -> Result<Response<CaptureStream>, Status> {
        let (peer, running) = self.admit(&request, Right::Change)?;
        let asked = request.into_inner();
        let place = Arc::clone(&self.captures).try_acquire_owned().map_err(|_| {
            status::from_error(&ControlError::LimitReached {
                what: "captures at once".to_owned(),
                limit: u64::try_from(MAX_CAPTURES).unwrap_or(u64::MAX),
                fix: "end one of them first".to_owned(),
            })
        })?;
        let about = subject(&asked.switch, &asked.port);
        let limits = CaptureLimits { frames: asked.count, seconds: asked.seconds };
        let (sink, source) = capture_pipe();
        let started = self.block(move |plane| {
            let spec = CaptureSpec::try_from(&asked)?;
            let port = plane.port(spec.switch(), spec.port())?;
            let snap_length = spec.snap_length().get();
            plane.start_capture(spec, sink)?;
            Ok(wire::CaptureStarted { port: Some(port.into()), snap_length })
        });
        let started = started.await.map_err(|error| status::from_error(&error))?;
        tracing::info!(uid = peer.uid, pid = peer.pid, request = "Capture", subject = about, "started");
        Ok(Response::new(stream_capture(started, source, limits, self.stopping.clone(), (place, running))))
    }
}
