//! How a world misbehaves on demand: a file of faults ([`FaultFile`]), and which of them strikes when ([`Faults`]).
//!
//! It decides, and leaves it to the server, the programs and the reactors to carry out. A decision depends on nothing but the
//! file, its seed and the order of what is asked, so that a run with faults can be repeated. Nothing of it is in the world's log:
//! faults end with the process that serves the world.

mod file;
mod occurrence;
mod pattern;
#[cfg(test)]
mod tests;

pub use file::{FaultFile, Mistake, Mistakes};

use file::{Rule, Script};
use jiff::Timestamp;
use occurrence::Tally;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestEffect {
    /// It is refused with this status; `retry_after` in whole seconds.
    Status {
        code: u16,
        retry_after: Option<u64>,
        message: Option<String>,
    },
    /// Its connection is dropped, after it was carried out or before.
    Reset { after: bool },
    /// A watch is opened and says nothing.
    Silent,
    /// The API server dies, and comes back after this long.
    Down(Duration),
}

/// What becomes of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProgramEffect {
    /// It ends with this status and does nothing.
    Exit { status: i32, message: String },
    /// It is cut off, after it did its work or before.
    Reset { after: bool },
}

/// What strikes: first a wait, then an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strike<E> {
    pub(crate) latency: Duration,
    pub(crate) effect: Option<E>,
}

impl<E> Strike<E> {
    const NONE: Self = Self {
        latency: Duration::ZERO,
        effect: None,
    };

    /// Adds what another rule does: waits add up, the first effect stays.
    fn add(&mut self, latency: Duration, effect: Option<E>) {
        self.latency = self.latency.saturating_add(latency);
        if self.effect.is_none() {
            self.effect = effect;
        }
    }
}

/// See the room.
pub(crate) struct Faults(Mutex<State>);

struct State {
    file: Arc<FaultFile>,
    /// Since when the file is in force.
    since: Timestamp,
    tallies: HashMap<usize, Tally>,
    /// What was decided of what is looked at again and again, by rule and subject.
    decided: HashMap<(usize, String), bool>,
    /// The clusters whose API server has died.
    down: BTreeSet<String>,
}

impl Faults {
    /// Returns a world that behaves.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            file: Arc::default(),
            since: Timestamp::UNIX_EPOCH,
            tallies: HashMap::new(),
            decided: HashMap::new(),
            down: BTreeSet::new(),
        }))
    }

    /// Puts a file in force from `now` on. The same file again changes nothing: its counts go on.
    pub(crate) fn put(&self, file: &FaultFile, now: Timestamp) {
        let mut state = self.state();
        if *state.file != *file {
            let down = std::mem::take(&mut state.down);
            *state = State {
                file: Arc::new(file.clone()),
                since: now,
                tallies: HashMap::new(),
                decided: HashMap::new(),
                down,
            };
        }
    }

    /// Decides on a request; `method` is WATCH for a watch, `path` without the query.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        now: Timestamp,
    ) -> Strike<RequestEffect> {
        let mut strike = Strike::NONE;
        self.state().each(
            now,
            |script| &script.requests,
            |rule| rule.concerns(method, path),
            |rule| {
                strike.add(rule.latency, rule.effect.clone());
            },
        );
        strike
    }

    /// Decides on a call of a program.
    pub(crate) fn program(
        &self,
        program: &str,
        args: &[String],
        now: Timestamp,
    ) -> Strike<ProgramEffect> {
        let mut strike = Strike::NONE;
        self.state().each(
            now,
            |script| &script.programs,
            |rule| rule.concerns(program, args),
            |rule| {
                strike.add(rule.latency, rule.effect.clone());
            },
        );
        strike
    }

    /// Decides on one attempt at a release, which `attempt` tells from others; the effect is why it fails.
    pub(crate) fn chart(&self, release: &str, attempt: &str, now: Timestamp) -> Strike<String> {
        let mut strike = Strike::NONE;
        self.state().once(
            attempt,
            now,
            |script| &script.charts,
            |rule| rule.name.matches(release),
            |rule| {
                strike.add(rule.latency, rule.fails.clone());
            },
        );
        strike
    }

    /// Decides on one attempt at fetching a package of Crossplane's; the effect is why it fails.
    pub(crate) fn package(&self, name: &str, attempt: &str, now: Timestamp) -> Strike<String> {
        let mut strike = Strike::NONE;
        self.state().once(
            attempt,
            now,
            |script| &script.packages,
            |rule| rule.name.matches(name),
            |rule| strike.add(rule.latency, rule.fails.clone()),
        );
        strike
    }

    /// Decides on one attempt at making or deleting what stands in a cloud for an object, of Crossplane's or ASO's.
    pub(crate) fn managed(
        &self,
        kind: &str,
        name: &str,
        attempt: &str,
        now: Timestamp,
    ) -> Strike<String> {
        let mut strike = Strike::NONE;
        self.state().once(
            attempt,
            now,
            |script| &script.managed,
            |rule| rule.kind.matches(kind) && rule.name.matches(name),
            |rule| strike.add(rule.latency, rule.fails.clone()),
        );
        strike
    }

    /// Decides on a pod, which `uid` tells from others; the effect is its fate.
    pub(crate) fn pod<'a>(
        &self,
        name: &str,
        images: impl Iterator<Item = &'a str> + Clone,
        uid: &str,
        now: Timestamp,
    ) -> Strike<&'static str> {
        let mut strike = Strike::NONE;
        let concerns = |rule: &file::Pod| {
            rule.name.matches(name) && images.clone().any(|image| rule.image.matches(image))
        };
        self.state().once(
            uid,
            now,
            |script| &script.pods,
            concerns,
            |rule| strike.add(rule.latency, rule.fate),
        );
        strike
    }

    /// Returns whether a finalizer is never removed from an object; `name` as in "namespace/name".
    pub(crate) fn holds(&self, kind: &str, name: &str, finalizer: &str) -> bool {
        self.state().file.script.finalizers.iter().any(|rule| {
            rule.kind.matches(kind) && rule.name.matches(name) && rule.finalizer.matches(finalizer)
        })
    }

    /// Returns whether a registry or repository does not have a chart in a version; `place` as in "ghcr.io/traefik/helm/traefik".
    pub(crate) fn lacks(&self, place: &str, version: &str) -> bool {
        let missing = &self.state().file.script.missing;
        missing
            .iter()
            .any(|rule| rule.chart.matches(place) && rule.version.matches(version))
    }

    /// Decides on a request of a client outside of the clusters to a registry or repository; `url` without its scheme. The effect is
    /// the status that it is refused with.
    pub(crate) fn registry(&self, url: &str, now: Timestamp) -> Strike<u16> {
        let mut strike = Strike::NONE;
        self.state().each(
            now,
            |script| &script.registries,
            |rule| rule.url.matches(url),
            |rule| strike.add(rule.latency, rule.status),
        );
        strike
    }

    /// Returns whether the API server of a cluster has died.
    pub(crate) fn is_down(&self, cluster: &str) -> bool {
        self.state().down.contains(cluster)
    }

    /// Lets the API server of a cluster die or come back.
    pub(crate) fn turn(&self, cluster: &str, down: bool) {
        let mut state = self.state();
        if down {
            state.down.insert(cluster.to_owned());
        } else {
            state.down.remove(cluster);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Calls `hit` with each rule that something concerns and that strikes this time.
    fn each<T>(
        &mut self,
        now: Timestamp,
        rules: impl Fn(&Script) -> &Vec<Rule<T>>,
        concerns: impl Fn(&T) -> bool,
        mut hit: impl FnMut(&T),
    ) {
        let file = self.file.clone();
        for rule in rules(&file.script) {
            if concerns(&rule.what) && self.strikes(rule, now) {
                hit(&rule.what);
            }
        }
    }

    /// Does the same for a subject that is looked at again and again: what was decided of it stays.
    fn once<T>(
        &mut self,
        subject: &str,
        now: Timestamp,
        rules: impl Fn(&Script) -> &Vec<Rule<T>>,
        concerns: impl Fn(&T) -> bool,
        mut hit: impl FnMut(&T),
    ) {
        let file = self.file.clone();
        for rule in rules(&file.script) {
            if !concerns(&rule.what) {
                continue;
            }
            let key = (rule.number, subject.to_owned());
            let known = self.decided.get(&key).copied();
            let strikes = known.unwrap_or_else(|| self.strikes(rule, now));
            self.decided.insert(key, strikes);
            if strikes {
                hit(&rule.what);
            }
        }
    }

    fn strikes<T>(&mut self, rule: &Rule<T>, now: Timestamp) -> bool {
        let age = Duration::try_from(now.duration_since(self.since)).unwrap_or_default();
        let seed = (self.file.script.seed, rule.number);
        rule.when
            .strikes(self.tallies.entry(rule.number).or_default(), age, seed)
    }
}
