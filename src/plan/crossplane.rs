//! The plan of `crossplane drain`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use windlass_provider::{ClusterName, ProviderId};

use super::{Action, Plan, Step, StepId};

/// Which of Crossplane's claims, composites and managed resources are meant; what is `None` is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Their kind, in any case of letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

impl Scope {
    /// Returns whether an object is meant.
    #[must_use]
    pub fn has(&self, object: &Value) -> bool {
        let is = |wanted: &Option<String>, found: &Value| {
            let same = |wanted: &String| {
                found
                    .as_str()
                    .is_some_and(|it| it.eq_ignore_ascii_case(wanted))
            };
            wanted.as_ref().is_none_or(same)
        };
        is(&self.kind, &object["kind"])
            && is(&self.name, &object["metadata"]["name"])
            && is(&self.namespace, &object["metadata"]["namespace"])
    }

    /// Returns what is meant, as a fragment.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = match &self.kind {
            Some(kind) => kind.clone(),
            None => "what Crossplane manages".to_owned(),
        };
        if let Some(name) = &self.name {
            text.push_str(&format!(" called {name}"));
        }
        if let Some(namespace) = &self.namespace {
            text.push_str(&format!(" in {namespace}"));
        }
        text
    }
}

/// What was looked up before planning a drain of Crossplane.
#[derive(Clone, Debug)]
pub struct CrossplaneFacts {
    /// The cluster.
    pub cluster: ClusterName,
    /// Where it runs.
    pub provider: ProviderId,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
    /// What is meant.
    pub scope: Scope,
    /// What goes, by name.
    pub goes: Vec<String>,
    /// What the user asked for: setting → value.
    pub asked: BTreeMap<String, String>,
}

/// Returns the plan that deletes what Crossplane manages, through Crossplane.
#[must_use]
pub fn drain_crossplane(facts: CrossplaneFacts) -> Plan {
    let step = Step {
        id: StepId::new("drain/crossplane"),
        title: format!("delete {}", facts.scope.describe()),
        needs: Vec::new(),
        action: Action::DrainCrossplane { scope: facts.scope },
        makes: Vec::new(),
        removes: facts.goes,
        usual_seconds: 120,
        // Clouds take long to delete databases.
        limit_seconds: 60 * 60,
    };
    Plan {
        command: "crossplane drain".to_owned(),
        cluster: facts.cluster,
        provider: facts.provider,
        rehearsal: facts.rehearsal,
        asked: facts.asked,
        beyond: Default::default(),
        steps: vec![step],
    }
}
