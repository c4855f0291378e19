use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Barrier;
use windlass_provider::{
    Change, Check, Clock, ClusterSpec, Ctx, ExecCredential, Facts, Known, Kubeconfig, Observed,
    Outputs, Provider, Resource, ResourceId, SystemClock,
};

use super::*;
use crate::files::WorkDir;

type Told = windlass_provider::Result<Vec<Found>>;

/// A provider that can only be asked what it has, and answers when all of them have been asked.
struct Fake {
    id: ProviderId,
    answer: Told,
    all_asked: Arc<Barrier>,
    regions: Regions,
}

fn no<T>() -> windlass_provider::Result<T> {
    Err(windlass_provider::Error::new(Fault::Failed, "only asked"))
}

#[async_trait]
impl Provider for Fake {
    fn id(&self) -> ProviderId {
        self.id
    }
    async fn facts(&self, _: &Ctx, _: &ClusterSpec) -> windlass_provider::Result<Facts> {
        no()
    }
    fn resources(&self, _: &ClusterSpec, _: &Facts) -> windlass_provider::Result<Vec<Resource>> {
        no()
    }
    async fn preflight(&self, _: &Ctx, _: &ClusterSpec, _: &Facts) -> Vec<Check> {
        Vec::new()
    }
    async fn observe(
        &self,
        _: &Ctx,
        _: &Resource,
        _: &Known,
    ) -> windlass_provider::Result<Observed> {
        no()
    }
    async fn ensure(
        &self,
        _: &Ctx,
        _: &Resource,
        _: &Known,
    ) -> windlass_provider::Result<(Change, Outputs)> {
        no()
    }
    async fn delete(&self, _: &Ctx, _: &Resource, _: &Known) -> windlass_provider::Result<Change> {
        no()
    }
    async fn discover(&self, _: &Ctx, scope: Scope<'_>) -> Told {
        assert_eq!((scope.cluster, scope.regions), (None, self.regions));
        self.all_asked.wait().await;
        self.answer.clone()
    }
    async fn kubeconfig(&self, _: &Ctx, _: &ClusterName) -> windlass_provider::Result<Kubeconfig> {
        no()
    }
    async fn credential(
        &self,
        _: &Ctx,
        _: &ClusterName,
    ) -> windlass_provider::Result<ExecCredential> {
        no()
    }
}

/// Asks providers that answer so, side by side: one that waited for another's answer would wait for ever.
async fn find(answers: Vec<(ProviderId, Told)>, regions: Regions) -> (Result<Fleet>, Vec<String>) {
    let all_asked = Arc::new(Barrier::new(answers.len()));
    let asked = answers.into_iter().map(|(id, answer)| {
        let provider = Fake {
            id,
            answer,
            all_asked: all_asked.clone(),
            regions,
        };
        ask(id, Ok(place(Arc::new(provider))), regions)
    });
    let mut said = Vec::new();
    let fleet = Fleet::gather(join_all(asked).await, |told, _| said.push(told));
    (fleet, said)
}

fn place(provider: Arc<dyn Provider>) -> Place {
    Place {
        id: provider.id(),
        provider,
        cx: Ctx::new(Arc::new(SystemClock)),
        workdir: WorkDir::real("/nowhere"),
        rehearsal: None,
    }
}

/// Returns a part of a cluster that was made an hour ago and expires in so many seconds from now.
fn found(cluster: &str, part: &str, state: State, expires: Option<i64>) -> Found {
    let now = SystemClock.now();
    let cluster: ClusterName = cluster.parse().unwrap();
    Found {
        resource: Resource {
            id: ResourceId::new(part),
            cluster: cluster.clone(),
            kind: part.to_owned(),
            name: cluster.to_string(),
            needs: Vec::new(),
            want: serde_json::Value::Null,
            usual: Duration::ZERO,
            limit: Duration::ZERO,
        },
        observed: Observed {
            state,
            ..Observed::missing()
        },
        tags: Some(Tags {
            cluster,
            created: now - Duration::from_secs(3_600),
            expires: expires.map(|seconds| now + jiff::SignedDuration::from_secs(seconds)),
        }),
    }
}

fn fault(fault: Fault, message: &str) -> Told {
    Err(windlass_provider::Error::new(fault, message))
}

#[tokio::test]
async fn all_are_asked_at_once_and_one_that_fails_hides_no_other() {
    let (fleet, said) = find(
        vec![
            (ProviderId::Aws, fault(Fault::Denied, "not authorized")),
            (ProviderId::Azure, fault(Fault::NoAccess, "no credentials")),
            (
                ProviderId::Google,
                Ok(vec![
                    found("c", "network", State::Ready, Some(-590)),
                    found("b", "network", State::Ready, None),
                    found("a", "network", State::Ready, Some(-6_000)),
                    found("a", "node pool", State::Making, Some(60)),
                ]),
            ),
            (
                ProviderId::Kind,
                Ok(vec![found("a", "cluster", State::Ready, Some(-601))]),
            ),
        ],
        Regions::All,
    )
    .await;
    let fleet = fleet.unwrap();
    assert_eq!(
        said,
        [
            "aws cannot be asked: not authorized",
            "azure is not asked: no credentials"
        ]
    );
    let clusters = fleet.clusters.iter();
    let told: Vec<_> = clusters
        .map(|it| {
            let parts = it.found.len();
            (
                it.name.as_str(),
                it.place.id,
                parts,
                it.state(),
                (it.is_expired(), it.is_due()),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            // The last of its parts does not expire yet.
            ("a", ProviderId::Google, 2, State::Making, (false, false)),
            ("a", ProviderId::Kind, 1, State::Ready, (true, true)),
            ("b", ProviderId::Google, 1, State::Ready, (false, false)),
            // By another clock it may not be over yet.
            ("c", ProviderId::Google, 1, State::Ready, (true, false)),
        ]
    );
    let verdict = fleet.verdict("the list is not whole").unwrap_err();
    assert_eq!(verdict.kind, Kind::Denied);
    let said = verdict.source.to_string();
    assert_eq!(said, "the list is not whole: aws could not be asked");
}

#[tokio::test]
async fn without_access_to_one_there_is_no_failure_but_without_any_there_is() {
    let closed = || fault(Fault::NoAccess, "no credentials");
    let (fleet, said) = find(
        vec![(ProviderId::Aws, closed()), (ProviderId::Kind, Ok(vec![]))],
        Regions::Configured,
    )
    .await;
    let fleet = fleet.unwrap();
    assert!(fleet.is_whole() && fleet.verdict("").is_ok());
    assert_eq!(said, ["aws is not asked: no credentials"]);

    let (none, said) = find(
        vec![(ProviderId::Aws, closed()), (ProviderId::Azure, closed())],
        Regions::Configured,
    )
    .await;
    assert_eq!(none.err().unwrap().to_string(), "error: no credentials");
    assert_eq!(said, ["azure is not asked: no credentials"]);

    // One that is there and does not answer is worse than one that is not there.
    let down = fault(Fault::Unavailable, "docker does not answer");
    let answers = vec![(ProviderId::Aws, closed()), (ProviderId::Kind, down)];
    let (none, said) = find(answers, Regions::Configured).await;
    let error = none.err().unwrap().to_string();
    assert_eq!(error, "error: docker does not answer");
    assert_eq!(said, ["aws is not asked: no credentials"]);
}

#[test]
fn a_span_is_told_in_its_two_largest_units() {
    for (seconds, told) in [
        (0, "0s"),
        (59, "59s"),
        (3_599, "59m59s"),
        (3_661, "1h1m"),
        (90_061, "1d1h"),
        (-5, "0s"),
    ] {
        let from = Timestamp::from_second(1_800_000_000).unwrap();
        let to = from + jiff::SignedDuration::from_secs(seconds);
        assert_eq!(span(from, to), told);
    }
}
