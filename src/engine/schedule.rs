//! Which step is next: of those whose needs are done, the one with the longest way still behind it.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap},
};

use crate::plan::{Plan, Step, StepId};

/// How far the steps of a plan are.
#[derive(Debug)]
pub(super) struct Schedule<'p, A> {
    plan: &'p Plan<A>,
    /// For each step, those that need it.
    dependents: Vec<Vec<usize>>,
    /// For each step, how many of its needs are not done.
    waits: Vec<usize>,
    /// For each step, the usual seconds of the longest way from its beginning to the plan's end.
    ways: Vec<u64>,
    /// Steps that may begin: the longest way first, then as the plan has them.
    ready: BinaryHeap<(u64, Reverse<usize>)>,
    /// Steps that have not begun.
    open: BTreeSet<usize>,
}

impl<'p, A> Schedule<'p, A> {
    /// Returns the schedule of a plan that was checked, some of whose steps are done.
    pub(super) fn new(plan: &'p Plan<A>, done: &BTreeSet<StepId>) -> Self {
        let indices: HashMap<&StepId, usize> = plan
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| (&step.id, index))
            .collect();
        let mut schedule = Self {
            plan,
            dependents: vec![Vec::new(); plan.steps.len()],
            waits: vec![0; plan.steps.len()],
            ways: vec![0; plan.steps.len()],
            ready: BinaryHeap::new(),
            open: BTreeSet::new(),
        };
        for (index, step) in plan.steps.iter().enumerate().rev() {
            // Whatever needs this step comes later in the plan, so that its way is known.
            let after = schedule.dependents[index]
                .iter()
                .map(|dependent| schedule.ways[*dependent])
                .max();
            schedule.ways[index] = step.usual_seconds.saturating_add(after.unwrap_or(0));
            let needs: BTreeSet<&StepId> = step.needs.iter().collect();
            for need in needs {
                schedule.dependents[indices[need]].push(index);
                if !done.contains(need) {
                    schedule.waits[index] += 1;
                }
            }
            if !done.contains(&step.id) {
                schedule.open.insert(index);
                if schedule.waits[index] == 0 {
                    schedule.ready.push((schedule.ways[index], Reverse(index)));
                }
            }
        }
        schedule
    }

    /// Takes the step that is to begin next; `None` where none can.
    pub(super) fn take_next(&mut self) -> Option<(usize, &'p Step<A>)> {
        let (_, Reverse(index)) = self.ready.pop()?;
        self.open.remove(&index);
        Some((index, &self.plan.steps[index]))
    }

    /// Puts back a step that was taken and did not begin.
    pub(super) fn put_back(&mut self, index: usize) {
        self.open.insert(index);
        self.ready.push((self.ways[index], Reverse(index)));
    }

    /// Says that a step is done: what waited for it last may begin. What needs a step that fails stays where it is.
    pub(super) fn finish(&mut self, index: usize) {
        for dependent in &self.dependents[index] {
            self.waits[*dependent] -= 1;
            if self.waits[*dependent] == 0 && self.open.contains(dependent) {
                self.ready
                    .push((self.ways[*dependent], Reverse(*dependent)));
            }
        }
    }

    /// Returns the steps that have not begun, as the plan has them.
    pub(super) fn list_open(&self) -> Vec<StepId> {
        self.open
            .iter()
            .map(|index| self.plan.steps[*index].id.clone())
            .collect()
    }
}
