//! The plan of `gitops sync`, and its step, which `setup` shares.

use serde_json::json;

use super::{
    Action, InstallFacts, Plan, Step, StepId, install,
    install::{component_id, open_inventory},
};
use crate::spec::{GitOpsSpec, special::Misuse};

/// Returns the plan that keeps a cluster that is there in line with a folder of a Git repository. Flux is installed first where it is
/// among `facts.components`.
///
/// # Errors
/// Options of a component that mean nothing together.
///
/// # Panics
/// Where a component that is a manifest comes without one in `facts.manifests`.
pub fn gitops(gitops: &GitOpsSpec, facts: InstallFacts<'_>) -> Result<Plan, Misuse> {
    let ready = match facts.components.is_empty() {
        true => open_inventory(Vec::new()).id,
        false => component_id("flux"),
    };
    let mut plan = install(facts)?;
    plan.steps.push(sync(gitops, ready));
    Ok(plan)
}

/// Returns the step that keeps the cluster in line with a folder of a Git repository, once `ready` is done.
pub(super) fn sync(gitops: &GitOpsSpec, ready: StepId) -> Step {
    Step {
        id: StepId::new("kube/gitops"),
        title: format!("sync {} from {}", gitops.path, gitops.url),
        needs: vec![ready],
        action: Action::SyncGit {
            scope: json!({
                "url": gitops.url,
                "ref": gitops.reference,
                "path": gitops.path,
                "interval": format!("{}s", gitops.interval_seconds),
                "prune": gitops.prune,
                "namespace": gitops.namespace,
            }),
        },
        makes: vec![
            format!("GitRepository {}/windlass", gitops.namespace),
            format!("Kustomization {}/windlass", gitops.namespace),
        ],
        removes: Vec::new(),
        usual_seconds: 20,
        limit_seconds: 15 * 60,
    }
}
