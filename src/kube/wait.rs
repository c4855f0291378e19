//! Waiting until objects are ready, by watch: ends with the last that becomes ready, with the first that fails for good, or
//! with the deadline; and then says why.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use futures::{
    StreamExt,
    stream::{BoxStream, SelectAll},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use windlass_provider::{Ctx, Error, Fault, Result};

use super::{
    Cluster, ObjectRef, Selector, Verdict, explain, judge, list, pods, refusals,
    trouble::{self, Trouble},
    watch::{self, Seen},
};

/// How long the trouble of a pod that is older than its release's last attempt is borne with: the attempt may replace it.
const GRACE: Duration = Duration::from_secs(60);

impl Cluster {
    /// Waits until all of `refs` are ready. Says what is missing as progress: "2 of 5 ready; Deployment a/b: 0 of 1 available".
    ///
    /// # Errors
    /// [`Fault::Failed`] as soon as one fails for good, or a pod beneath one will not start, [`Fault::Quota`] where one may not be
    /// made; [`Fault::TimedOut`] when the context's deadline passes: all explained with conditions, events and last words. Transient where a kind is not served,
    /// or an object is deleted meanwhile.
    pub async fn wait_ready(&self, cx: &Ctx, refs: &[ObjectRef]) -> Result<()> {
        if refs.is_empty() {
            return Ok(());
        }
        let bounded = &leaving_time(cx);
        let mut wait = Wait::new(self, bounded, refs);
        let what = match refs {
            [one] => format!("wait until {one} is ready"),
            _ => format!("wait until {} objects are ready", refs.len()),
        };
        match bounded.bound(&what, wait.run()).await {
            Ok(Ended::Ready) => Ok(()),
            Ok(Ended::Failed(subject, trouble)) => {
                let name = &refs[subject];
                let object = wait.objects[subject].as_ref();
                let error = Error::new(Fault::Failed, format!("{name} failed"));
                let trouble = trouble.as_deref();
                let mut error = explain::explain(self, cx, error, name, object, trouble).await;
                let mut said = error.causes.iter().filter(|it| !it.starts_with("log: "));
                if said.any(|it| it.contains("exceeded quota")) {
                    error.fault = Fault::Quota;
                }
                Err(error)
            }
            Err(error) if error.fault == Fault::TimedOut => {
                let error = wait.late();
                let Some(subject) = wait.unready().next() else {
                    return Err(error);
                };
                let object = wait.objects[subject].as_ref();
                Err(explain::explain(self, cx, error, &refs[subject], object, None).await)
            }
            Err(error) => Err(error),
        }
    }
}

/// Returns the context with a deadline that leaves time to explain, since at the deadline itself the caller may be gone.
fn leaving_time(cx: &Ctx) -> Ctx {
    let Some(deadline) = cx.deadline else {
        return cx.clone();
    };
    let left = deadline
        .duration_since(cx.clock.now())
        .max(SignedDuration::ZERO);
    let reserve = (left / 10).min(explain::LIMIT);
    Ctx {
        deadline: Some(deadline - reserve),
        ..cx.clone()
    }
}

/// How a wait ended; for a failure with the subject, and the pod beneath it where that was the cause.
enum Ended {
    Ready,
    Failed(usize, Option<Box<(Value, Trouble)>>),
}

/// Where an event comes from.
#[derive(Clone)]
enum Source {
    Group(usize),
    /// The pods of a namespace.
    Pods(String),
    /// What its controllers may not make.
    Refusals,
}

type Events = SelectAll<BoxStream<'static, (Source, Result<Seen>)>>;

struct Wait<'a> {
    cluster: &'a Cluster,
    cx: &'a Ctx,
    refs: &'a [ObjectRef],
    index: HashMap<&'a ObjectRef, usize>,
    groups: Vec<list::Group>,
    /// What is known of each, and how it is.
    objects: Vec<Option<Value>>,
    verdicts: Vec<Verdict>,
    /// The groups that have not been listed yet.
    unlisted: BTreeSet<usize>,
    began: Timestamp,
    /// The pods of the namespaces that are watched for trouble.
    pods: BTreeMap<String, Value>,
    refusals: BTreeMap<String, Value>,
    namespaces: BTreeSet<String>,
    /// When the pods must be looked at again, without an event.
    due: Option<Timestamp>,
    said: String,
}

impl<'a> Wait<'a> {
    fn new(cluster: &'a Cluster, cx: &'a Ctx, refs: &'a [ObjectRef]) -> Self {
        let groups = list::groups(refs);
        Self {
            cluster,
            cx,
            refs,
            index: refs.iter().enumerate().map(|(i, name)| (name, i)).collect(),
            unlisted: (0..groups.len()).collect(),
            groups,
            objects: vec![None; refs.len()],
            verdicts: vec![Verdict::Waiting("not there yet".into()); refs.len()],
            began: cx.clock.now(),
            pods: BTreeMap::new(),
            refusals: BTreeMap::new(),
            namespaces: BTreeSet::new(),
            due: None,
            said: String::new(),
        }
    }

    async fn run(&mut self) -> Result<Ended> {
        let mut events = Events::new();
        for (index, group) in self.groups.iter().enumerate() {
            let kind = self
                .cluster
                .kind(self.cx, &group.api_version, &group.kind)
                .await?;
            let watch = watch::watch(
                self.cluster.clone(),
                self.cx.clone(),
                (*kind).clone(),
                group.namespace.clone(),
                group.selector.clone(),
            );
            events.push(watch.map(move |seen| (Source::Group(index), seen)).boxed());
        }
        loop {
            let (cx, due) = (self.cx, self.due);
            let overdue = async {
                match due {
                    Some(at) => cx.clock.reached(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = events.next() => match event {
                    Some((source, seen)) => self.take(source, seen)?,
                    None => {
                        let error = Error::new(Fault::Transient, "cannot wait: all watches have ended");
                        return Err(error);
                    }
                },
                () = overdue => {}
            }
            if !self.unlisted.is_empty() {
                continue;
            }
            if let Some(failed) = self.failed() {
                return Ok(Ended::Failed(failed, None));
            }
            if self.unready().next().is_none() {
                return Ok(Ended::Ready);
            }
            self.say();
            self.watch_pods(&mut events).await;
            if let Some((subject, pod)) = self.troubled().await? {
                return Ok(Ended::Failed(subject, Some(Box::new(pod))));
            }
            if let Some(subject) = self.refused().await? {
                return Ok(Ended::Failed(subject, None));
            }
        }
    }

    /// Takes in what a watch tells.
    fn take(&mut self, source: Source, seen: Result<Seen>) -> Result<()> {
        match (source, seen) {
            (Source::Group(_), Err(error)) => Err(error),
            // Pods only help to end sooner: who may not read them waits without.
            (Source::Pods(_) | Source::Refusals, Err(_)) => Ok(()),
            (Source::Group(group), Ok(Seen::All(objects))) => {
                self.unlisted.remove(&group);
                let mut found: HashMap<_, _> = objects
                    .into_iter()
                    .filter_map(|object| Some((ObjectRef::of(&object)?, object)))
                    .collect();
                for (i, name) in self.refs.iter().enumerate() {
                    if self.groups[group].has(name) {
                        self.set(i, found.remove(name))?;
                    }
                }
                Ok(())
            }
            (Source::Group(_), Ok(Seen::One(object))) => match self.position(&object) {
                Some(i) => self.set(i, Some(object)),
                None => Ok(()),
            },
            (Source::Group(_), Ok(Seen::Gone(object))) => match self.position(&object) {
                Some(i) => self.set(i, None),
                None => Ok(()),
            },
            (Source::Pods(namespace), Ok(seen)) => {
                match seen {
                    Seen::All(pods) => {
                        self.pods
                            .retain(|_, pod| pod["metadata"]["namespace"] != *namespace);
                        self.pods
                            .extend(pods.into_iter().map(|pod| (key(&pod), pod)));
                    }
                    Seen::One(pod) => {
                        self.pods.insert(key(&pod), pod);
                    }
                    Seen::Gone(pod) => {
                        self.pods.remove(&key(&pod));
                    }
                }
                Ok(())
            }
            (Source::Refusals, Ok(seen)) => {
                let events = match seen {
                    Seen::All(events) => events,
                    Seen::One(event) => vec![event],
                    // That an event is forgotten says nothing.
                    Seen::Gone(_) => Vec::new(),
                };
                let events = events.into_iter().map(|event| (key(&event), event));
                self.refusals.extend(events);
                Ok(())
            }
        }
    }

    fn position(&self, object: &Value) -> Option<usize> {
        self.index.get(&ObjectRef::of(object)?).copied()
    }

    fn set(&mut self, i: usize, object: Option<Value>) -> Result<()> {
        if object.is_none() && self.objects[i].is_some() {
            let name = &self.refs[i];
            return Err(Error::new(
                Fault::Transient,
                format!("{name} was deleted while it was awaited"),
            ));
        }
        if let Some(object) = &object {
            self.verdicts[i] = judge(object);
        }
        self.objects[i] = object;
        Ok(())
    }

    fn failed(&self) -> Option<usize> {
        self.verdicts
            .iter()
            .position(|verdict| matches!(verdict, Verdict::Failed(_)))
    }

    fn unready(&self) -> impl Iterator<Item = usize> {
        (0..self.refs.len()).filter(|i| self.verdicts[*i] != Verdict::Ready)
    }

    fn missing(&self, i: usize) -> String {
        match &self.verdicts[i] {
            Verdict::Waiting(what) => format!("{}: {what}", self.refs[i]),
            _ => self.refs[i].to_string(),
        }
    }

    /// Says what is missing, where that changed.
    fn say(&mut self) {
        let missing: Vec<_> = self.unready().collect();
        let ready = self.refs.len() - missing.len();
        let Some(first) = missing.first() else { return };
        let said = match self.refs.len() {
            1 => self.missing(*first),
            all => format!("{ready} of {all} ready; {}", self.missing(*first)),
        };
        if said != self.said {
            self.cx.progress.say(&said);
            self.said = said;
        }
    }

    /// Returns the error of a wait whose deadline passed.
    fn late(&self) -> Error {
        const NAMED: usize = 5;
        let missing: Vec<_> = self.unready().collect();
        let message = match missing[..] {
            [one] => format!("{} is not ready: the time ran out", self.refs[one]),
            _ => format!(
                "{} of {} objects are not ready: the time ran out",
                missing.len(),
                self.refs.len()
            ),
        };
        let named = missing.iter().take(NAMED);
        named.fold(Error::new(Fault::TimedOut, message), |error, i| {
            error.cause(self.missing(*i))
        })
    }

    /// Watches the pods of the namespaces in which something is missing, and which their controllers may not make.
    async fn watch_pods(&mut self, events: &mut Events) {
        let wanted: BTreeSet<_> = self
            .unready()
            .filter_map(|i| pods::namespace_of(&self.refs[i], self.objects[i].as_ref()?))
            .collect();
        for namespace in wanted {
            if self.namespaces.contains(&namespace) {
                continue;
            }
            // Without the kind of pods there are none: asked again with the next event.
            let Ok(kind) = self.cluster.kind(self.cx, "v1", "Pod").await else {
                return;
            };
            let watch = watch::watch(
                self.cluster.clone(),
                self.cx.clone(),
                (*kind).clone(),
                Some(namespace.clone()),
                Selector::default(),
            );
            let source = Source::Pods(namespace.clone());
            events.push(watch.map(move |seen| (source.clone(), seen)).boxed());
            let refusals = self.cluster.watch_refusals(self.cx, &namespace).await;
            let refusals = refusals.into_iter();
            events.extend(refusals.map(|it| it.map(|seen| (Source::Refusals, seen)).boxed()));
            self.namespaces.insert(namespace);
        }
    }

    /// Returns a pod that will not start, with the object that waits for it; sets when to look again otherwise.
    async fn troubled(&mut self) -> Result<Option<(usize, (Value, Trouble))>> {
        self.due = None;
        let now = self.cx.clock.now();
        let mut due: Option<Timestamp> = None;
        let mut later = |at: Timestamp| due = Some(due.map_or(at, |due| due.min(at)));
        let mut found = None;
        for pod in self.pods.values() {
            if !pod["metadata"]["deletionTimestamp"].is_null() {
                continue;
            }
            let trouble = trouble::of_containers(pod).or_else(|| {
                let (since, trouble) = trouble::unschedulable_since(pod)?;
                let at = since + trouble::UNSCHEDULABLE;
                if at > now {
                    later(at);
                    return None;
                }
                Some(trouble)
            });
            let Some(trouble) = trouble else { continue };
            for subject in self.unready() {
                let concern = match self.concerns(pod, subject).await {
                    Ok(concern) => concern,
                    Err(error) if matches!(error.fault, Fault::TimedOut | Fault::Cancelled) => {
                        return Err(error);
                    }
                    // Who may not read workloads waits without their pods.
                    Err(_) => Concern::No,
                };
                match concern {
                    Concern::Now => found = Some((subject, (pod.clone(), trouble.clone()))),
                    Concern::At(at) if at <= now => {
                        found = Some((subject, (pod.clone(), trouble.clone())));
                    }
                    Concern::At(at) => later(at),
                    Concern::No => {}
                }
                if found.is_some() {
                    return Ok(found);
                }
            }
        }
        self.due = due;
        Ok(None)
    }

    /// Returns an object whose pods its controller may not make, for longer than that usually lasts; sets when to look again otherwise.
    async fn refused(&mut self) -> Result<Option<usize>> {
        let now = self.cx.clock.now();
        let mut due = self.due;
        for event in self.refusals.values() {
            for subject in self.unready() {
                let Some(object) = &self.objects[subject] else {
                    continue;
                };
                let name = &self.refs[subject];
                let workloads = match pods::workloads(self.cluster, self.cx, name, object).await {
                    Ok(workloads) => workloads,
                    Err(error) if matches!(error.fault, Fault::TimedOut | Fault::Cancelled) => {
                        return Err(error);
                    }
                    // Who may not read workloads waits without them.
                    Err(_) => continue,
                };
                let since = workloads.iter().find_map(|it| refusals::since(event, it));
                match since.map(|since| since + refusals::PATIENCE) {
                    None => {}
                    Some(at) if at <= now => return Ok(Some(subject)),
                    Some(at) => due = Some(due.map_or(at, |due| due.min(at))),
                }
            }
        }
        self.due = due;
        Ok(None)
    }

    /// Tells whether a pod's trouble is a subject's.
    async fn concerns(&self, pod: &Value, subject: usize) -> Result<Concern> {
        let name = &self.refs[subject];
        let Some(object) = &self.objects[subject] else {
            return Ok(Concern::No);
        };
        if pods::namespace_of(name, object).as_deref() != pod["metadata"]["namespace"].as_str() {
            return Ok(Concern::No);
        }
        let workloads = pods::workloads(self.cluster, self.cx, name, object).await?;
        for workload in workloads.iter().filter(|it| pods::is_selected(pod, it)) {
            if !pods::is_current(self.cluster, self.cx, pod, workload).await? {
                continue;
            }
            let is_new = || {
                let made: Option<Timestamp> = time(&pod["metadata"]["creationTimestamp"]);
                attempt_began(object).is_some_and(|began| made.is_some_and(|made| made >= began))
            };
            return Ok(if pods::is_workload(name) || is_new() {
                Concern::Now
            } else {
                Concern::At(self.began + GRACE)
            });
        }
        Ok(Concern::No)
    }
}

/// Whether trouble ends a wait.
enum Concern {
    No,
    Now,
    /// Only if it lasts until then.
    At(Timestamp),
}

/// Returns since when Flux's controller has been working on the present generation of an object.
fn attempt_began(object: &Value) -> Option<Timestamp> {
    let generation = object["metadata"]["generation"].as_i64()?;
    object["status"]["conditions"]
        .as_array()?
        .iter()
        .filter(|condition| {
            (condition["type"] == "Ready" || condition["type"] == "Reconciling")
                && condition["observedGeneration"].as_i64() == Some(generation)
        })
        .filter_map(|condition| time(&condition["lastTransitionTime"]))
        .min()
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn key(pod: &Value) -> String {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("name"))
}
