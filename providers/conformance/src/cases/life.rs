//! The life of one cluster.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::{Either, select};
use kube::config::{KubeConfigOptions, Kubeconfig as File};
use serde_json::json;
use windlass_provider::{
    Auth, Change, Fault, Known, Kubeconfig, NodePool, Owner, Scope, State, Taint, TaintEffect,
    Verdict,
};

use super::{audit, expect_whole, make, name, plan, unmake};
use crate::{Ability, Bed};

/// A plan is sound, a cluster is made once, and is then there as wanted.
pub async fn makes_once_and_observes<B: Bed>() {
    let bed = B::open().await;
    let (cx, spec) = (bed.ground().cx(), bed.spec("dot"));
    let facts = bed.provider().facts(&cx, &spec).await.expect("facts");
    assert!(!facts.identity.is_empty());
    for check in bed.provider().preflight(&cx, &spec, &facts).await {
        assert_ne!(check.verdict, Verdict::Failed, "{check:?}");
    }
    let planned = plan(&bed, &cx, &spec).await.expect("a plan");
    let mut before = BTreeSet::new();
    for resource in &planned {
        assert!(
            resource.needs.iter().all(|id| before.contains(id)),
            "{resource:?}"
        );
        assert!(
            before.insert(resource.id.clone()),
            "{} is there twice",
            resource.id
        );
        assert!(resource.usual <= resource.limit, "{resource:?}");
        assert_eq!(resource.cluster, spec.name);
        let seen = bed.provider().observe(&cx, resource, &Known::new()).await;
        assert_eq!(seen.expect("an observation").state, State::Missing);
    }
    assert_eq!(audit(&bed).await, [], "planning and looking change nothing");

    let made = make(&bed, &cx, &spec).await.expect("a cluster");
    assert!(made.iter().all(|it| it.change == Change::Made));
    expect_whole(&bed, &spec).await;
    let again = make(&bed, &cx, &spec).await.expect("the same cluster");
    for (first, second) in made.iter().zip(&again) {
        assert_eq!(
            second.change,
            Change::Unchanged,
            "{}",
            name(&second.resource)
        );
        assert_eq!(first.outputs, second.outputs, "{}", name(&second.resource));
    }
    expect_whole(&bed, &spec).await;
}

/// What is missing, being made, ready, broken and being deleted is told apart; what is broken is brought back or left alone, and never
/// made anew.
pub async fn tells_how_far_it_is<B: Bed>() {
    let bed = B::open().await;
    let (ground, spec) = (bed.ground(), bed.spec("dot"));
    let cx = ground.cx();
    let planned = plan(&bed, &cx, &spec).await.expect("a plan");
    let [cluster, breaks] = ["cluster", B::BREAKS].map(|id| {
        let resource = planned.iter().find(|it| it.id.as_str() == id);
        resource.expect("a resource of that id")
    });
    let observe = |resource| {
        let (provider, cx) = (bed.provider(), cx.clone());
        async move {
            let seen = provider.observe(&cx, resource, &Known::new()).await;
            seen.expect("an observation")
        }
    };
    let look = || async { observe(cluster).await.state };
    assert_eq!(look().await, State::Missing);

    let mut seen = BTreeSet::new();
    for nth in 1.. {
        bed.hold(nth, true).await;
        let making = Box::pin(make(&bed, &cx, &spec));
        match select(making, Box::pin(bed.held())).await {
            Either::Left((done, _)) => {
                done.expect("a cluster");
                bed.hold(0, false).await;
                break;
            }
            Either::Right(((), making)) => {
                let state = look().await;
                assert_ne!(state, State::Deleting);
                seen.insert(format!("{state:?}"));
                drop(making);
                bed.cut().await;
                unmake(&bed, &cx, &spec.name).await.expect("a deletion");
            }
        }
    }
    assert!(seen.contains("Making"), "{seen:?}");
    assert_eq!(look().await, State::Ready);

    bed.break_down("dot").await;
    let broken = observe(breaks).await;
    assert_eq!(broken.state, State::Failed);
    assert!(broken.detail.is_some() && !broken.unused, "{broken:?}");
    match make(&bed, &cx, &spec).await {
        Ok(made) => {
            assert!(
                made.iter().all(|it| it.change != Change::Made),
                "it was made anew"
            );
            assert_eq!(observe(breaks).await.state, State::Ready);
        }
        Err(error) => assert!(!error.hints.is_empty(), "{error:?}"),
    }

    bed.hold(1, false).await;
    let deletion = Box::pin(unmake(&bed, &cx, &spec.name));
    match select(deletion, Box::pin(bed.held())).await {
        Either::Left(_) => panic!("nothing was deleted"),
        Either::Right(((), deletion)) => {
            assert_ne!(look().await, State::Missing);
            drop(deletion);
            bed.cut().await;
        }
    }
}

/// What is asked for otherwise is told by its setting, and changed where the platform can, or else refused with nothing changed.
pub async fn tells_differences<B: Bed>() {
    let bed = B::open().await;
    let (cx, mut spec) = (bed.ground().cx(), bed.spec("dot"));
    make(&bed, &cx, &spec).await.expect("a cluster");
    let before = bed.list().await;
    let first = spec.clone();
    spec.nodes.min += 1;
    spec.nodes.max = spec.nodes.max.max(spec.nodes.min);
    let wanted = plan(&bed, &cx, &spec).await.expect("a plan");
    let mut differs = Vec::new();
    for resource in &wanted {
        let seen = bed.provider().observe(&cx, resource, &Known::new()).await;
        differs.extend(seen.expect("an observation").differs);
    }
    assert!(
        differs.iter().any(|it| it.field == "nodes.min"),
        "{differs:?}"
    );
    let done = make(&bed, &cx, &spec).await;
    if bed.can(Ability::ChangeInPlace) {
        let changes = done.expect("a change");
        assert!(changes.iter().any(|it| it.change == Change::Updated));
        expect_whole(&bed, &spec).await;
    } else {
        assert!(differs.iter().all(|it| !it.changeable), "{differs:?}");
        let error = done.expect_err("a refusal");
        assert_eq!(error.fault, Fault::Invalid, "{error:?}");
        assert!(error.to_line().contains("nodes.min"), "{error:?}");
        assert!(!error.hints.is_empty(), "{error:?}");
        assert_eq!(bed.list().await, before);
        expect_whole(&bed, &first).await;
    }
}

/// Node pools are made with their labels and taints; another one is a difference.
pub async fn makes_node_pools<B: Bed>() {
    let bed = B::open().await;
    let (cx, mut spec) = (bed.ground().cx(), bed.spec("dot"));
    let pool = |name: &str, min: u32| NodePool {
        name: name.to_owned(),
        min,
        max: min,
        labels: BTreeMap::from([("tier".to_owned(), "fast".to_owned())]),
        taints: vec![Taint {
            key: "dedicated".to_owned(),
            value: name.to_owned(),
            effect: TaintEffect::NoSchedule,
        }],
        ..NodePool::default()
    };
    spec.node_pools = vec![pool("batch", 2), pool("gpu", 1)];
    make(&bed, &cx, &spec).await.expect("a cluster");
    expect_whole(&bed, &spec).await;

    let mut other = spec.clone();
    other.node_pools[1]
        .labels
        .insert("more".to_owned(), "yes".to_owned());
    let wanted = plan(&bed, &cx, &other).await.expect("a plan");
    let mut differs = Vec::new();
    for resource in &wanted {
        let seen = bed.provider().observe(&cx, resource, &Known::new()).await;
        differs.extend(seen.expect("an observation").differs);
    }
    assert!(
        differs.iter().any(|it| it.field.starts_with("node-pools")),
        "{differs:?}"
    );
    unmake(&bed, &cx, &spec.name).await.expect("a deletion");
    assert_eq!(audit(&bed).await, []);
}

/// The kubeconfig and the credential let one speak to the cluster's API; for what is not there they say so, with a way out.
pub async fn gives_access<B: Bed>() {
    let bed = B::open().await;
    let (cx, spec) = (bed.ground().cx(), bed.spec("dot"));
    let missing = bed.provider().kubeconfig(&cx, &spec.name).await;
    let missing = missing.expect_err("no access to nothing");
    assert_eq!(missing.fault, Fault::Unavailable, "{missing:?}");
    assert!(
        missing.to_line().contains("\"dot\"") && !missing.hints.is_empty(),
        "{missing:?}"
    );
    let missing = bed.provider().credential(&cx, &spec.name).await;
    assert_eq!(
        missing.expect_err("no credential").fault,
        Fault::Unavailable
    );

    make(&bed, &cx, &spec).await.expect("a cluster");
    let access = bed.provider().kubeconfig(&cx, &spec.name).await;
    let access = access.expect("access");
    speak(&access).await;
    let credential = bed.provider().credential(&cx, &spec.name).await;
    let credential = credential.expect("a credential");
    let auth = credential.auth.clone();
    speak(&Kubeconfig { auth, ..access }).await;
    if !bed.can(Ability::ExpiringCredentials) {
        assert_eq!(credential.expires, None);
        return;
    }
    let expires = credential.expires.expect("an end");
    assert!(expires > bed.ground().now(), "it has ended already");
    // It is taken for as long as is said, and then another one is.
    bed.ground().pass(expires - Duration::from_secs(1)).await;
    let access = bed.provider().kubeconfig(&cx, &spec.name).await;
    let access = access.expect("access");
    let auth = credential.auth.clone();
    let old = Kubeconfig {
        auth: credential.auth,
        ..access.clone()
    };
    speak(&old).await;
    let end = expires + B::SAID_TO_END_EARLY;
    bed.ground().pass(end + Duration::from_secs(1)).await;
    let refused = try_to_speak(&old).await.expect_err("an end");
    assert!(refused.contains("401"), "{refused}");
    let renewed = bed.provider().credential(&cx, &spec.name).await;
    let renewed = renewed.expect("another credential");
    assert!(renewed.auth != auth && renewed.expires > Some(expires));
    speak(&Kubeconfig {
        auth: renewed.auth,
        ..access
    })
    .await;
}

/// Asks the cluster's API for its version.
async fn speak(access: &Kubeconfig) {
    let version = try_to_speak(access).await.expect("an answer");
    assert!(version.starts_with('v'), "{version}");
}

/// Returns what the cluster's API says of its version, or why it does not say it.
async fn try_to_speak(access: &Kubeconfig) -> Result<String, String> {
    // Fails only where it was done before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let user = match &access.auth {
        Auth::Token(token) => json!({ "token": token }),
        Auth::Certificate { certificate, key } => json!({
            "client-certificate-data": STANDARD.encode(certificate),
            "client-key-data": STANDARD.encode(key),
        }),
    };
    let authority = access.certificate_authority.as_ref();
    let file = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "clusters": [{ "name": "it", "cluster": {
            "server": access.server,
            "tls-server-name": access.tls_server_name,
            "certificate-authority-data": authority.map(|pem| STANDARD.encode(pem)),
        }}],
        "users": [{ "name": "it", "user": user }],
        "contexts": [{ "name": "it", "context": { "cluster": "it", "user": "it" } }],
    });
    let file: File = serde_json::from_value(file).expect("a kubeconfig");
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(file, &options).await;
    let client = kube::Client::try_from(config.expect("a configuration"));
    let version = client.expect("a client").apiserver_version().await;
    match version {
        Ok(version) => Ok(version.git_version),
        Err(kube::Error::Api(status)) => Err(status.code.to_string()),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// Discovery rebuilds what was planned, by a provider that knows nothing, in the order of its making and good enough to delete it.
pub async fn finds_by_tags_alone<B: Bed>() {
    let bed = B::open().await;
    let (cx, spec) = (bed.ground().cx(), bed.spec("dot"));
    let made = make(&bed, &cx, &spec).await.expect("a cluster");
    let found = audit(&bed).await;
    let one = bed.provider().discover(&cx, Scope::of(&spec.name)).await;
    assert_eq!(one.expect("discovery"), found);
    let other = "other".parse().expect("a name");
    let none = bed.provider().discover(&cx, Scope::of(&other)).await;
    assert_eq!(none.expect("discovery"), []);
    let ids = |resources: Vec<&windlass_provider::Resource>| -> Vec<_> {
        let resources = resources.into_iter();
        resources
            .map(|it| {
                (
                    it.id.clone(),
                    it.kind.clone(),
                    it.name.clone(),
                    it.needs.clone(),
                )
            })
            .collect()
    };
    assert_eq!(
        ids(found.iter().map(|it| &it.resource).collect()),
        ids(made.iter().map(|it| &it.resource).collect()),
    );
    for (item, made) in found.iter().zip(&made) {
        assert_eq!(
            (item.observed.owner, item.observed.state),
            (Owner::Ours, State::Ready)
        );
        assert_eq!(item.observed.outputs, made.outputs);
        assert!(!item.observed.unused || item.resource.id != found[found.len() - 1].resource.id);
    }
}

/// Deleting what was discovered leaves nothing; deleting it again, or what was planned and never made, finds nothing.
pub async fn deletes_until_nothing_is_left<B: Bed>() {
    let bed = B::open().await;
    let (cx, spec) = (bed.ground().cx(), bed.spec("dot"));
    let planned = plan(&bed, &cx, &spec).await.expect("a plan");
    for resource in planned.iter().rev() {
        let gone = bed.provider().delete(&cx, resource, &Known::new()).await;
        assert_eq!(gone.expect("a deletion"), Change::Absent);
    }
    make(&bed, &cx, &spec).await.expect("a cluster");
    let found = audit(&bed).await;
    let changes = unmake(&bed, &cx, &spec.name).await.expect("a deletion");
    assert!(
        changes.iter().all(|change| *change == Change::Removed),
        "{changes:?}"
    );
    assert_eq!(audit(&bed).await, []);
    for item in found.iter().rev() {
        let again = bed
            .provider()
            .delete(&cx, &item.resource, &Known::new())
            .await;
        assert_eq!(again.expect("a deletion"), Change::Absent);
    }
    // The name is free again.
    make(&bed, &cx, &spec).await.expect("another cluster");
    expect_whole(&bed, &spec).await;
}
