//! The plan of a change of a cluster that is there: resources that are brought about anew, and resources that go.

use std::collections::BTreeMap;

use windlass_provider::{ClusterName, ProviderId, Resource};

use super::{Action, Plan, Step, StepId, setup::ensure_resource};

/// What a change of a cluster does.
#[derive(Clone, Debug)]
pub struct Change {
    /// The words of the command: "cluster node-pool add".
    pub command: &'static str,
    /// The cluster.
    pub cluster: ClusterName,
    /// Where it runs.
    pub provider: ProviderId,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
    /// What was asked for, flat: setting → value.
    pub asked: BTreeMap<String, String>,
    /// What goes first.
    pub going: Vec<Resource>,
    /// What is brought about then, each after what it needs.
    pub coming: Vec<Resource>,
}

/// Returns the plan of a change: what goes, and then what comes.
#[must_use]
pub fn change(change: Change) -> Plan {
    let going = change.going.into_iter().map(|resource| Step {
        // Where it comes again, that is another step.
        id: StepId::new(format!("resource/old-{}", resource.id)),
        title: format!("delete {} {}", resource.kind, resource.name),
        needs: Vec::new(),
        makes: Vec::new(),
        removes: vec![format!("{} {}", resource.kind, resource.name)],
        usual_seconds: 120,
        limit_seconds: resource.limit.as_secs(),
        action: Action::DeleteResource { resource },
    });
    let mut steps: Vec<Step> = going.collect();
    let gone: Vec<StepId> = steps.iter().map(|step| step.id.clone()).collect();
    let coming = change.coming;
    let ids: Vec<_> = coming.iter().map(|resource| resource.id.clone()).collect();
    steps.extend(coming.into_iter().map(|mut resource| {
        // What is there already need not be waited for.
        resource.needs.retain(|need| ids.contains(need));
        let mut step = ensure_resource(resource);
        if gone.is_empty() {
            step.title = step.title.replacen("create ", "bring about ", 1);
        }
        step.needs.extend(gone.iter().cloned());
        step
    }));
    Plan {
        command: change.command.to_owned(),
        cluster: change.cluster,
        provider: change.provider,
        rehearsal: change.rehearsal,
        asked: change.asked,
        steps,
    }
}
