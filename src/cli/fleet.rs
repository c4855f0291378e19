//! All clusters that there are: every provider is asked at once, and one that cannot be asked does not hide the others.
//!
//! Clusters are found by their tags alone: nothing here reads a file of a setup.

use std::time::Duration;

use clap::Args;
use futures::future::join_all;
use jiff::Timestamp;
use serde::Serialize;
use windlass_provider::{
    ClusterName, Fault, Found, Owner, ProviderId, Regions, Scope, State, Tags,
};

use super::{App, app::Place};
use crate::{
    error::{Error, Kind, Result},
    output::Table,
    providers,
    settings::format_duration,
};

/// How long a provider may take to say what it has, while the others' answers wait.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long after its lifetime a cluster is left alone: its tags were written by one machine's clock and are read by another's. Clouds
/// bear with either being wrong by five minutes (<https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html>).
pub(super) const CLOCKS: Duration = Duration::from_secs(10 * 60);

/// Where clusters are looked for.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct RegionFlags {
    /// Look in all regions of each cloud, not only in those that are configured; Kind has none
    #[arg(long)]
    all_regions: bool,
}

impl RegionFlags {
    pub(super) fn scope(self) -> Regions {
        match self.all_regions {
            true => Regions::All,
            false => Regions::Configured,
        }
    }
}

/// What clusters there are, and who could not be asked.
pub(super) struct Fleet {
    /// By name, then by provider.
    pub(super) clusters: Vec<Cluster>,
    /// Who could not be asked, and what kind of error that is.
    failed: Vec<(ProviderId, Kind)>,
}

/// A cluster, as its resources' tags tell of it.
pub(super) struct Cluster {
    pub(super) name: ClusterName,
    pub(super) place: Place,
    /// What it is made of; never empty.
    pub(super) found: Vec<Found>,
}

/// How one provider answered.
struct Answer {
    id: ProviderId,
    found: std::result::Result<(Place, Vec<Found>), Error>,
    /// Whether nothing here leads to it.
    closed: bool,
}

impl Fleet {
    /// Asks all providers, or the one that is named, what clusters they have; tells who could not be asked, and why.
    ///
    /// # Errors
    /// None of them could be asked.
    pub(super) async fn find(app: &App, only: Option<&str>, regions: Regions) -> Result<Self> {
        let wanted = |id: &&ProviderId| only.is_none_or(|only| only == id.as_str());
        let mut places = Vec::new();
        for id in providers::BUILT.iter().filter(wanted) {
            places.push((*id, app.place(*id).await));
        }
        let answers = join_all(
            places
                .into_iter()
                .map(|(id, place)| ask(id, place, regions)),
        )
        .await;
        Self::gather(answers, |told, hints| match hints {
            Some(hints) => app.warn(&told, &hints),
            None => app.output().note(&told),
        })
    }

    /// Puts answers together, and tells who gave none: with hints where that is a failure.
    fn gather(
        answers: Vec<Answer>,
        mut tell: impl FnMut(String, Option<Vec<String>>),
    ) -> Result<Self> {
        let mut fleet = Self {
            clusters: Vec::new(),
            failed: Vec::new(),
        };
        let mute = answers.iter().all(|answer| answer.found.is_err());
        // Where none answers, one that should have is the error.
        let spokesman = mute.then(|| {
            let open = answers.iter().position(|answer| !answer.closed);
            open.unwrap_or(0)
        });
        let mut silence = None;
        for (at, Answer { id, found, closed }) in answers.into_iter().enumerate() {
            let error = match found {
                Ok((place, found)) => {
                    fleet.add(&place, found);
                    continue;
                }
                Err(error) => error,
            };
            if spokesman == Some(at) {
                silence = Some(error);
                continue;
            }
            let why: Vec<String> = error.source.chain().map(ToString::to_string).collect();
            let why = why.join(": ");
            if closed {
                tell(format!("{id} is not asked: {why}"), None);
            } else {
                tell(format!("{id} cannot be asked: {why}"), Some(error.hints));
                fleet.failed.push((id, error.kind));
            }
        }
        if let Some(error) = silence {
            return Err(error);
        }
        let order = |cluster: &Cluster| (cluster.name.clone(), cluster.place.id);
        fleet.clusters.sort_by_key(order);
        Ok(fleet)
    }

    fn add(&mut self, place: &Place, found: Vec<Found>) {
        for item in found {
            let name = &item.resource.cluster;
            let known = self
                .clusters
                .iter_mut()
                .find(|known| known.name == *name && known.place.id == place.id);
            match known {
                Some(known) => known.found.push(item),
                None => self.clusters.push(Cluster {
                    name: name.clone(),
                    place: place.clone(),
                    found: vec![item],
                }),
            }
        }
    }

    /// Returns whether nobody failed to answer.
    pub(super) fn is_whole(&self) -> bool {
        self.failed.is_empty()
    }

    /// Returns an error where a provider could not be asked: `what` says what that means.
    pub(super) fn verdict(&self, what: &str) -> Result<()> {
        let kinds = self.failed.iter().map(|(_, kind)| *kind);
        let Some(kind) = kinds.reduce(Kind::graver) else {
            return Ok(());
        };
        let names: Vec<&str> = self.failed.iter().map(|(id, _)| id.as_str()).collect();
        Err(Error::message(
            kind,
            format!("{what}: {} could not be asked", names.join(", ")),
        ))
    }
}

async fn ask(id: ProviderId, place: Result<Place>, regions: Regions) -> Answer {
    let answer = |found, closed| Answer { id, found, closed };
    let place = match place {
        Ok(place) => place,
        Err(error) => return answer(Err(error), false),
    };
    let cx = place.cx.within(PATIENCE);
    let scope = Scope::all().within(regions);
    let asked = cx
        .bound(
            &format!("asking {id} for its clusters"),
            place.provider.discover(&cx, scope),
        )
        .await;
    match asked {
        Ok(found) => answer(Ok((place, found)), false),
        Err(error) => {
            let closed = error.fault == Fault::NoAccess;
            answer(Err(error.into()), closed)
        }
    }
}

impl Cluster {
    /// Returns whether windlass made it, or a part of it.
    pub(super) fn is_ours(&self) -> bool {
        self.ours().next().is_some()
    }

    fn ours(&self) -> impl Iterator<Item = &Found> {
        let found = self.found.iter();
        found.filter(|item| item.observed.owner == Owner::Ours)
    }

    fn tags(&self) -> impl Iterator<Item = &Tags> {
        self.found.iter().filter_map(|item| item.tags.as_ref())
    }

    /// Returns how its least well part is.
    fn state(&self) -> State {
        const ORDER: [State; 5] = [
            State::Failed,
            State::Deleting,
            State::Making,
            State::Missing,
            State::Ready,
        ];
        let has = |state: &State| self.found.iter().any(|item| item.observed.state == *state);
        ORDER.into_iter().find(has).unwrap_or(State::Missing)
    }

    fn created(&self) -> Option<Timestamp> {
        self.tags().map(|tags| tags.created).min()
    }

    /// Returns when a reaper may take it: when it may take the last of its parts. `None`: never, or nobody can tell.
    pub(super) fn expires(&self) -> Option<Timestamp> {
        let mut all = self.tags().map(|tags| tags.expires);
        let first = all.next()??;
        all.try_fold(first, |last, next| Some(last.max(next?)))
    }

    /// Returns whether its lifetime is over, by this machine's clock.
    pub(super) fn is_expired(&self) -> bool {
        self.is_over(Duration::ZERO)
    }

    /// Returns whether a reaper may take it: its lifetime is over by whichever clock.
    pub(super) fn is_due(&self) -> bool {
        self.is_over(CLOCKS)
    }

    fn is_over(&self, since: Duration) -> bool {
        let now = self.place.cx.clock.now();
        self.is_ours() && self.expires().is_some_and(|at| at + since <= now)
    }

    /// Returns why nobody can tell when it expires, where none of its tags can be read.
    pub(super) fn doubt(&self) -> Option<String> {
        let unread = self.is_ours() && self.tags().next().is_none();
        let mut details = self.ours().filter_map(|item| item.observed.detail.clone());
        unread.then(|| {
            details
                .next()
                .unwrap_or_else(|| "it has no tags".to_owned())
        })
    }
}

/// A cluster as it is listed.
#[derive(Serialize)]
struct Row {
    cluster: String,
    provider: ProviderId,
    state: State,
    owner: Owner,
    created: Option<Timestamp>,
    age_seconds: Option<i64>,
    expires: Option<Timestamp>,
    expired: bool,
}

/// Shows clusters, a row each.
pub(super) fn show<'c>(app: &App, clusters: impl IntoIterator<Item = &'c Cluster>) -> Result<()> {
    let mut table = Table::new(&["CLUSTER", "PROVIDER", "STATE", "OWNER", "AGE", "EXPIRES"]);
    let mut rows = Vec::new();
    for cluster in clusters {
        let now = cluster.place.cx.clock.now();
        let row = Row {
            cluster: cluster.name.to_string(),
            provider: cluster.place.id,
            state: cluster.state(),
            owner: match cluster.is_ours() {
                true => Owner::Ours,
                false => Owner::Foreign,
            },
            created: cluster.created(),
            age_seconds: cluster
                .created()
                .map(|at| (now.as_second() - at.as_second()).max(0)),
            expires: cluster.expires(),
            expired: cluster.is_expired(),
        };
        table.add([
            row.cluster.clone(),
            row.provider.to_string(),
            word(row.state).to_owned(),
            maker(row.owner).to_owned(),
            row.created
                .map_or_else(|| "-".to_owned(), |at| span(at, now)),
            match row.expires {
                Some(at) if at <= now => format!("{} ago", span(at, now)),
                Some(at) => format!("in {}", span(now, at)),
                None if cluster.tags().next().is_some() => "never".to_owned(),
                None => "-".to_owned(),
            },
        ]);
        rows.push(row);
    }
    app.output().show_table(&rows, &table)
}

/// Returns who made something, in a word.
pub(super) fn maker(owner: Owner) -> &'static str {
    match owner {
        Owner::Ours => "windlass",
        Owner::Foreign => "others",
        Owner::Unproven => "unknown",
    }
}

/// Returns a state, in words.
pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Missing => "missing",
        State::Making => "half made",
        State::Ready => "ready",
        State::Deleting => "deleting",
        State::Failed => "failed",
    }
}

/// Returns the time between two moments in its two largest units: a list is read at a glance.
fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = u64::try_from(to.as_second() - from.as_second()).unwrap_or(0);
    let coarse = match seconds {
        0..3_600 => seconds,
        3_600..86_400 => seconds / 60 * 60,
        _ => seconds / 3_600 * 3_600,
    };
    format_duration(Duration::from_secs(coarse))
}

#[cfg(test)]
mod tests;
