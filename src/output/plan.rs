//! A plan before it is run: `--dry-run`.

use std::collections::BTreeMap;

use serde::Serialize;
use windlass_provider::ProviderId;

use super::words::{write_count, write_duration, write_line};
use crate::plan::{Plan, StepId, name_run};

/// A plan, as far as it is shown. What a step does inside is left out: it is windlass's own business and may change.
#[derive(Debug, Serialize)]
pub(super) struct ShownPlan<'p> {
    command: &'p str,
    cluster: &'p str,
    provider: ProviderId,
    rehearsal: bool,
    asked: &'p BTreeMap<String, String>,
    usual_seconds: u64,
    steps: Vec<ShownStep<'p>>,
}

#[derive(Debug, Serialize)]
struct ShownStep<'p> {
    id: &'p StepId,
    title: &'p str,
    needs: &'p [StepId],
    makes: &'p [String],
    removes: &'p [String],
    usual_seconds: u64,
    limit_seconds: u64,
}

impl<'p> ShownPlan<'p> {
    pub(super) fn of<A>(plan: &'p Plan<A>) -> Self {
        Self {
            command: &plan.command,
            cluster: plan.cluster.as_str(),
            provider: plan.provider,
            rehearsal: plan.rehearsal,
            asked: &plan.asked,
            usual_seconds: plan.usual_seconds(),
            steps: plan
                .steps
                .iter()
                .map(|step| ShownStep {
                    id: &step.id,
                    title: &step.title,
                    needs: &step.needs,
                    makes: &step.makes,
                    removes: &step.removes,
                    usual_seconds: step.usual_seconds,
                    limit_seconds: step.limit_seconds,
                })
                .collect(),
        }
    }

    pub(super) fn to_text(&self) -> String {
        let mut lines = Vec::new();
        if self.rehearsal {
            lines.push("This is the plan of a rehearsal: nothing of it is real.".to_owned());
        }
        let Self {
            command,
            cluster,
            provider,
            ..
        } = self;
        let steps = write_count(self.steps.len(), "step");
        let usual = write_duration(self.usual_seconds as f64);
        lines.push(format!(
            "plan: {} on {provider}: {steps}, usually {usual} (assumed)",
            name_run(command, cluster)
        ));
        let width = self.steps.len().to_string().len();
        for (index, step) in self.steps.iter().enumerate() {
            let number = index + 1;
            let usual = write_duration(step.usual_seconds as f64);
            let title = write_line(step.title);
            lines.push(format!("{number:>width$}. {}: {title} ({usual})", step.id));
            let indent = " ".repeat(width + 2);
            if !step.needs.is_empty() {
                let needs: Vec<&str> = step.needs.iter().map(StepId::as_str).collect();
                lines.push(format!("{indent}needs {}", needs.join(", ")));
            }
            for made in step.makes {
                lines.push(format!("{indent}makes {}", write_line(made)));
            }
            for removed in step.removes {
                lines.push(format!("{indent}removes {}", write_line(removed)));
            }
        }
        lines.push("nothing was done: this was a dry run".to_owned());
        lines.join("\n") + "\n"
    }
}
