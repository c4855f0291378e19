//! Steps, their ids, and the plan that holds them.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use windlass_provider::{ClusterName, ProviderId};

use super::{Action, Beyond};

/// The id of a step: `resource/<x>`, `component/<x>`, `kube/<x>` or `drain/<phase>`. Stable across runs of one command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// Returns the id with this text.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing to do, and what must be done before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step<A = Action> {
    /// Its id, unique in the plan.
    pub id: StepId,
    /// What it does, for people, as an imperative fragment: "create kind cluster dot".
    pub title: String,
    /// The steps that must have finished before it begins. A need on a component means that it is Ready.
    pub needs: Vec<StepId>,
    /// What it does, for `steps`.
    pub action: A,
    /// What would be there after it, for `--dry-run`: "HelmRelease flux-system/cert-manager".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub makes: Vec<String>,
    /// What would be gone after it, for `--dry-run` and the receipt: "kind cluster dot".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removes: Vec<String>,
    /// How many seconds it usually takes; for bars and estimates, never for waiting.
    pub usual_seconds: u64,
    /// How many seconds it may take, retries included, before windlass gives up.
    pub limit_seconds: u64,
}

impl<A> Step<A> {
    /// Returns how long the step may take, retries included.
    #[must_use]
    pub fn limit(&self) -> Duration {
        Duration::from_secs(self.limit_seconds)
    }
}

/// Everything that a command is going to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan<A = Action> {
    /// The command as it was typed: "setup".
    pub command: String,
    /// The cluster that it is about.
    pub cluster: ClusterName,
    /// Where that runs.
    pub provider: ProviderId,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
    /// What the user asked for, for saying how two plans differ: setting → value.
    pub asked: std::collections::BTreeMap<String, String>,
    /// What is known, before a cluster goes, to stay outside of it: written down, for once it is gone nothing tells of it any more.
    #[serde(default, skip_serializing_if = "Beyond::is_empty")]
    pub beyond: Beyond,
    /// The steps, each after what it needs.
    pub steps: Vec<Step<A>>,
}

/// Why steps do not make a plan. Always our mistake, never the user's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlan {
    /// Two steps have one id.
    #[error("two steps are called {0}")]
    Duplicate(StepId),
    /// A need names no step, or one that comes later: so there is a cycle, or the order is wrong.
    #[error("step {step} needs {need}, which does not come before it")]
    Need {
        /// The step.
        step: StepId,
        /// What it names.
        need: StepId,
    },
}

/// Returns a run in words: "setup of cluster dot", "install in cluster dot".
#[must_use]
pub fn name_run(command: &str, cluster: &str) -> String {
    match command {
        "install" | "upgrade" | "uninstall" => format!("{command} in cluster {cluster}"),
        _ => format!("{command} of cluster {cluster}"),
    }
}

impl<A> Plan<A> {
    /// Checks that ids are unique and that each step comes after what it needs.
    ///
    /// # Errors
    /// The first step that breaks the rule.
    pub fn check(&self) -> Result<(), InvalidPlan> {
        let mut seen = BTreeSet::new();
        for step in &self.steps {
            if let Some(need) = step.needs.iter().find(|need| !seen.contains(*need)) {
                return Err(InvalidPlan::Need {
                    step: step.id.clone(),
                    need: need.clone(),
                });
            }
            if !seen.insert(&step.id) {
                return Err(InvalidPlan::Duplicate(step.id.clone()));
            }
        }
        Ok(())
    }

    /// Returns the seconds that the plan usually takes with as many steps side by side as there are: its critical path.
    #[must_use]
    pub fn usual_seconds(&self) -> u64 {
        let mut ends: HashMap<&StepId, u64> = HashMap::new();
        for step in &self.steps {
            let begins = step
                .needs
                .iter()
                .filter_map(|need| ends.get(need).copied())
                .max()
                .unwrap_or(0);
            ends.insert(&step.id, begins + step.usual_seconds);
        }
        ends.into_values().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: &str, needs: &[&str], usual_seconds: u64) -> Step<()> {
        Step {
            id: StepId::new(id),
            title: id.to_owned(),
            needs: needs.iter().map(|need| StepId::new(*need)).collect(),
            action: (),
            makes: Vec::new(),
            removes: Vec::new(),
            usual_seconds,
            limit_seconds: 60,
        }
    }

    fn plan(steps: Vec<Step<()>>) -> Plan<()> {
        Plan {
            command: "setup".into(),
            cluster: "dot".parse().unwrap(),
            provider: ProviderId::Kind,
            rehearsal: false,
            asked: Default::default(),
            beyond: Default::default(),
            steps,
        }
    }

    #[test]
    fn a_plan_is_in_order_and_knows_its_critical_path() {
        let good = plan(vec![
            step("a", &[], 10),
            step("b", &["a"], 5),
            step("c", &["a"], 20),
            step("d", &["b", "c"], 1),
        ]);
        assert_eq!(good.check(), Ok(()));
        assert_eq!(good.usual_seconds(), 31);
        let wrong = plan(vec![step("b", &["a"], 5), step("a", &[], 1)]);
        assert_eq!(
            wrong.check().unwrap_err().to_string(),
            "step b needs a, which does not come before it"
        );
        let twice = plan(vec![step("a", &[], 5), step("a", &[], 1)]);
        assert!(matches!(twice.check(), Err(InvalidPlan::Duplicate(_))));
    }
}
