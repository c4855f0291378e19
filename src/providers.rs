//! Which providers this build has, and how each is made, for real or for a rehearsal.

use std::{collections::BTreeMap, sync::Arc};

use windlass_provider::{Check, ClusterName, Ctx, Provider, ProviderId};

use crate::{
    error::{Error, Result},
    rehearsal::Rehearsal,
};

/// The providers that this build has, in the order in which they are offered.
pub const BUILT: &[ProviderId] = &[
    #[cfg(feature = "aws")]
    ProviderId::Aws,
    #[cfg(feature = "azure")]
    ProviderId::Azure,
    #[cfg(feature = "google")]
    ProviderId::Google,
    #[cfg(feature = "kind")]
    ProviderId::Kind,
];

/// What is said of how to reach a cloud, besides what its own environment and files say.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// The region.
    pub region: Option<String>,
    /// The profile of AWS's own files.
    pub profile: Option<String>,
    /// A key of AWS's, held in memory only.
    pub keys: Option<Keys>,
    /// Azure's subscription.
    pub subscription: Option<String>,
    /// Azure's tenant.
    pub tenant: Option<String>,
    /// The resource group that a cluster is in, where somebody named one.
    pub resource_group: Option<String>,
    /// Variables that a cloud's own ways to sign in do not see: those of `.env`.
    pub variables: Hidden,
    /// What is said of Google Cloud.
    pub google: GoogleReach,
}

/// Variables whose values are nobody's business. Its `Debug` shows nothing of them.
#[derive(Clone, Default)]
pub struct Hidden(pub BTreeMap<String, String>);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What is said of how to reach Google Cloud.
#[derive(Clone, Debug, Default)]
pub struct GoogleReach {
    /// The project.
    pub project: Option<String>,
    /// Whether the project may still have to be made.
    pub create_project: bool,
    /// The region or the zone.
    pub location: Option<String>,
    /// The service account that one acts as.
    pub impersonate: Option<String>,
    /// The file of credentials, where only `.env` names it.
    pub credentials: Option<std::path::PathBuf>,
}

/// A key of a cloud's: its id, its secret, and the token of a session where it has one. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Keys(pub String, pub String, pub Option<String>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// Returns a provider.
///
/// # Errors
/// Where it needs a program that is not there.
pub fn provider(
    id: ProviderId,
    reach: &Reach,
    rehearsal: Option<&Rehearsal>,
) -> Result<Arc<dyn Provider>> {
    // A build without any provider has no use for them.
    let _ = (reach, rehearsal);
    match id {
        #[cfg(feature = "aws")]
        ProviderId::Aws => Ok(Arc::new(aws(reach, rehearsal))),
        #[cfg(feature = "azure")]
        ProviderId::Azure => Ok(Arc::new(azure(reach, rehearsal))),
        #[cfg(feature = "google")]
        ProviderId::Google => Ok(Arc::new(google(&reach.google, rehearsal))),
        #[cfg(feature = "kind")]
        ProviderId::Kind => Ok(Arc::new(kind(rehearsal)?)),
        #[cfg(not(all(
            feature = "aws",
            feature = "azure",
            feature = "google",
            feature = "kind"
        )))]
        other => Err(Error::usage(format!(
            "this build of windlass has no provider \"{other}\""
        ))
        .hint(format!("choose one of: {}", names()))),
    }
}

/// Returns the names of the built providers, as in "kind, aws".
#[must_use]
pub fn names() -> String {
    BUILT
        .iter()
        .map(|id| id.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Returns what is said where nobody named one.
#[must_use]
pub fn missing() -> Error {
    let first = BUILT.first().map_or("kind", |id| id.as_str());
    Error::usage(format!("no provider is given: choose one of {}", names())).hint(format!(
        "windlass setup {first}, or set WINDLASS_PROVIDER={first}"
    ))
}

/// The programs that a provider runs.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    /// It needs each of these.
    pub each: Vec<&'static str>,
    /// It needs one of these.
    pub one_of: Vec<&'static str>,
}

/// Returns the programs that a provider runs.
#[must_use]
pub fn programs(id: ProviderId) -> Programs {
    match id {
        #[cfg(feature = "kind")]
        ProviderId::Kind => Programs {
            each: vec!["kind"],
            one_of: windlass_kind::Engine::ALL
                .map(windlass_kind::Engine::as_str)
                .into(),
        },
        _ => Programs::default(),
    }
}

/// Returns how to get a program that a provider runs, one way a line.
#[must_use]
pub fn advise(program: &str) -> Vec<String> {
    #[cfg(feature = "kind")]
    let ways = windlass_kind::advise(program);
    #[cfg(not(feature = "kind"))]
    let ways = Vec::new();
    ways
}

#[cfg(feature = "kind")]
fn kind(rehearsal: Option<&Rehearsal>) -> Result<windlass_kind::Kind> {
    use windlass_kind::{Kind, Programs};
    Ok(Kind::new(match rehearsal {
        None => Programs::installed(),
        Some(rehearsal) => Programs::rehearsed(
            rehearsal.stand_in("kind")?,
            rehearsal.stand_in("docker")?,
            rehearsal.stand_in_variables(),
        ),
    }))
}

/// Returns whether a cloud can be asked who one is, or needs keys that a person would have to type.
pub async fn has_credentials(id: ProviderId, reach: &Reach, cx: &Ctx) -> bool {
    let _ = (reach, cx);
    match id {
        #[cfg(feature = "aws")]
        ProviderId::Aws => aws(reach, None).has_credentials(cx).await,
        #[cfg(feature = "azure")]
        ProviderId::Azure => azure(reach, None).has_credentials(cx).await,
        _ => true,
    }
}

/// Says who one is at a provider, and what one may not do there; `None` where nobody has to be anybody.
pub async fn check_credentials(
    id: ProviderId,
    (reach, rehearsal): (&Reach, Option<&Rehearsal>),
    cx: &Ctx,
    cluster: &ClusterName,
) -> Option<Vec<Check>> {
    let _ = (reach, rehearsal, cx, cluster);
    match id {
        #[cfg(feature = "aws")]
        ProviderId::Aws => {
            let aws = aws(reach, rehearsal);
            Some(aws.check_credentials(cx, cluster).await)
        }
        #[cfg(feature = "azure")]
        ProviderId::Azure => Some(azure(reach, rehearsal).check_credentials(cx).await),
        #[cfg(feature = "google")]
        ProviderId::Google => {
            let google = google(&reach.google, rehearsal);
            Some(google.check_credentials(cx).await)
        }
        _ => None,
    }
}

#[cfg(feature = "aws")]
fn aws(reach: &Reach, rehearsal: Option<&Rehearsal>) -> windlass_aws::Aws {
    use windlass_aws::{Access, Aws};
    let keys = |Keys(id, secret, token): Keys| windlass_aws::Keys { id, secret, token };
    Aws::new(match rehearsal {
        None => Access {
            region: reach.region.clone(),
            profile: reach.profile.clone(),
            keys: reach.keys.clone().map(keys),
            endpoint: None,
        },
        // The administrator of the simulated account; nothing of the user's own is read.
        Some(rehearsal) => Access {
            region: Some(reach.region.clone().unwrap_or("us-east-1".to_owned())),
            profile: None,
            keys: Some(keys(Keys("AKIAREHEARSAL".into(), "rehearsal".into(), None))),
            endpoint: Some(rehearsal.cloud("aws")),
        },
    })
}

/// Returns the accounts that one may choose from at a cloud, by id and name, where nobody named one; empty where there is nothing to
/// choose.
///
/// # Errors
/// The cloud does not answer, or nobody is signed in.
pub async fn accounts(id: ProviderId, reach: &Reach, cx: &Ctx) -> Result<Vec<(String, String)>> {
    let _ = (reach, cx);
    match id {
        #[cfg(feature = "azure")]
        ProviderId::Azure => Ok(azure(reach, None).choices(cx).await?),
        _ => Ok(Vec::new()),
    }
}

#[cfg(feature = "azure")]
fn azure(reach: &Reach, rehearsal: Option<&Rehearsal>) -> windlass_azure::Azure {
    use windlass_azure::{Access, Azure, Keys};
    let access = Access {
        location: reach.region.clone(),
        resource_group: reach.resource_group.clone(),
        ..Access::default()
    };
    Azure::new(match rehearsal {
        None => Access {
            subscription: reach.subscription.clone(),
            tenant: reach.tenant.clone(),
            variables: reach.variables.0.clone(),
            ..access
        },
        // The owner of the simulated subscription; nothing of the user's own is read.
        Some(rehearsal) => Access {
            subscription: Some("00000000-0000-4000-8000-00000000a25e".to_owned()),
            keys: Some(Keys {
                tenant: "00000000-0000-4000-8000-0000007e4a47".to_owned(),
                client: "00000000-0000-4000-8000-000000c11e47".to_owned(),
                secret: "rehearsal".to_owned(),
            }),
            endpoint: Some(rehearsal.cloud("azure")),
            ..access
        },
    })
}

/// Returns the address of the service account that a component of a cluster acts as on Google Cloud.
#[must_use]
pub fn identity(
    project: &str,
    cluster: &windlass_provider::ClusterName,
    component: &str,
) -> Option<String> {
    #[cfg(feature = "google")]
    let account = Some(windlass_gcp::identity(project, cluster, component));
    #[cfg(not(feature = "google"))]
    let account = {
        let _ = (project, cluster, component);
        None
    };
    account
}

/// Returns the project that facts speak of, where windlass makes it.
#[must_use]
pub fn made_up(facts: &windlass_provider::Facts) -> Option<String> {
    #[cfg(feature = "google")]
    let project = windlass_gcp::made_project(facts);
    #[cfg(not(feature = "google"))]
    let project = {
        let _ = facts;
        None
    };
    project
}

/// The project of a rehearsal where nobody names another, and where its clusters are.
#[cfg(feature = "google")]
const REHEARSED: (&str, &str) = ("windlass-rehearsal", "us-east1");

/// Returns the project of Google Cloud that is meant where nobody names one; `None` where it is to be made.
#[must_use]
pub fn project(reach: &Reach, rehearsal: Option<&Rehearsal>) -> Option<String> {
    #[cfg(feature = "google")]
    if !reach.google.create_project {
        return google(&reach.google, rehearsal).project();
    }
    let _ = (reach, rehearsal);
    None
}

/// Returns the project that a rehearsal assumes to be there.
#[must_use]
pub fn assumed(id: ProviderId, reach: &Reach) -> Option<String> {
    #[cfg(feature = "google")]
    if id == ProviderId::Google && !reach.google.create_project {
        let named = reach.google.project.clone();
        return Some(named.unwrap_or_else(|| REHEARSED.0.to_owned()));
    }
    let _ = (id, reach);
    None
}

#[cfg(feature = "google")]
fn google(reach: &GoogleReach, rehearsal: Option<&Rehearsal>) -> windlass_gcp::Google {
    use windlass_gcp::{Access, Google, Rehearsed};
    let reach = reach.clone();
    Google::new(match rehearsal {
        None => Access {
            project: reach.project,
            create_project: reach.create_project,
            location: reach.location,
            impersonate: reach.impersonate,
            credentials: reach.credentials,
            rehearsed: None,
        },
        // The owner of the simulated projects; nothing of the user's own is read.
        Some(rehearsal) => Access {
            project: reach
                .project
                .or_else(|| (!reach.create_project).then(|| REHEARSED.0.to_owned())),
            create_project: reach.create_project,
            location: Some(reach.location.unwrap_or_else(|| REHEARSED.1.to_owned())),
            impersonate: None,
            credentials: None,
            rehearsed: Some(Rehearsed {
                endpoint: rehearsal.cloud("google"),
                refresh_token: "1//rehearsal".to_owned(),
                principal: "rehearsal@example.com".to_owned(),
            }),
        },
    })
}
