//! Commands about policies: features, list, add, set, remove; the status of an extension; checking a port.

use super::extension::switch_of;
use super::{port_options, views};
use crate::cli::args::policy::{PolicyCommand, PolicyName, PortCheckArgs, StatusArgs};
use crate::cli::client::Client;
use crate::cli::{Answer, Failure, render};
use crate::control::error::ErrorClass;
use crate::control::model::{FeatureStatus, FeatureView, PolicyView, PortCheck};
use crate::control::wire;

fn pairs(values: &[(String, String)]) -> Vec<wire::ConfigPair> {
    values.iter().map(|(key, value)| wire::ConfigPair { key: key.clone(), value: value.clone() }).collect()
}

async fn change(
    client: &mut Client,
    action: wire::PolicyAction,
    which: &PolicyName,
    (values, unset): (&[(String, String)], &[String]),
) -> Result<PolicyView, Failure> {
    let switch = switch_of(client, &which.on).await?;
    let policy = wire::PolicyValues {
        feature: which.feature.clone(),
        port: which.port.clone(),
        instance: which.instance.clone(),
        values: pairs(values),
    };
    let request =
        wire::ChangePolicyRequest { switch, action: action.into(), policy: Some(policy), unset: unset.to_vec() };
    Ok(PolicyView::try_from(client.change_policy(request).await?.into_inner())?)
}

pub(super) async fn policy(client: &mut Client, command: &PolicyCommand) -> Result<Answer, Failure> {
    match command {
        PolicyCommand::Features(args) => {
            let switch = switch_of(client, &args.on).await?;
            let answer = client.list_policies(wire::ListPoliciesRequest { switch: switch.clone() }).await?.into_inner();
            let mut found: Vec<FeatureView> = views(answer.features)?;
            if let Some(wanted) = &args.feature {
                found.retain(|feature| feature.id == *wanted);
                if found.is_empty() {
                    let message = format!(
                        "switch '{switch}' has no feature '{wanted}'; `heddle policy features --switch {switch}` shows those it has"
                    );
                    return Err(Failure::new(ErrorClass::NotFound, message));
                }
            }
            Answer::new(render::features(&found), &found)
        }
        PolicyCommand::List(args) => {
            let switch = switch_of(client, &args.on).await?;
            let answer = client.list_policies(wire::ListPoliciesRequest { switch }).await?.into_inner();
            let mut found: Vec<PolicyView> = views(answer.policies)?;
            if let Some(wanted) = &args.port {
                found.retain(|policy| policy.port.as_ref().is_some_and(|port| port.as_str() == wanted));
            }
            Answer::new(render::policies(&found), &found)
        }
        PolicyCommand::Add(args) => {
            let view = change(client, wire::PolicyAction::Add, &args.which, (&args.values, &[])).await?;
            Answer::new(format!("added {}", render::policy(&view)), &view)
        }
        PolicyCommand::Set(args) => {
            let view = change(client, wire::PolicyAction::Set, &args.which, (&args.values, &args.unset)).await?;
            Answer::new(format!("changed {}", render::policy(&view)), &view)
        }
        PolicyCommand::Remove(which) => {
            let view = change(client, wire::PolicyAction::Remove, which, (&[], &[])).await?;
            Answer::new(format!("removed {}", render::policy_name(&view)), &view)
        }
    }
}

pub(super) async fn status(client: &mut Client, args: &StatusArgs) -> Result<Answer, Failure> {
    let switch = switch_of(client, &args.on).await?;
    let request = wire::GetFeatureStatusRequest { switch, id: args.id.clone(), port: args.port.clone() };
    let found: Vec<FeatureStatus> = views(client.get_feature_status(request).await?.into_inner().statuses)?;
    Answer::new(render::status(&found), &found)
}

pub(super) async fn check_port(client: &mut Client, args: &PortCheckArgs) -> Result<Answer, Failure> {
    let (switch, port) = (args.options.name.switch.clone(), args.options.name.port.clone());
    let policies = args.policy.iter().map(|wanted| wire::PolicyValues {
        feature: wanted.feature.clone(),
        port: Some(port.clone()),
        instance: None,
        values: pairs(&wanted.values),
    });
    let policies = policies.collect();
    let request = wire::CheckPortRequest { switch, port, options: Some(port_options(&args.options)), policies };
    let view = PortCheck::try_from(client.check_port(request).await?.into_inner())?;
    Answer::new(render::port_check(&view), &view)
}
