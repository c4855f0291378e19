//! Crossplane's own options.

use serde::{Deserialize, Serialize};
use windlass_provider::ProviderId;

use super::Misuse;

/// A cloud in which Crossplane makes things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cloud {
    /// No cloud.
    None,
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Google Cloud.
    Google,
}

/// What was said.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(super) struct Said {
    cloud: Option<Cloud>,
    db_provider: Option<bool>,
    app_config: Option<bool>,
    db_config: Option<bool>,
    policies: Option<bool>,
    cluster_admin: Option<bool>,
    activate: Vec<String>,
    identity: Option<String>,
    tenant_id: Option<String>,
    subscription_id: Option<String>,
    project_id: Option<String>,
    credentials: Option<String>,
}

/// Crossplane's options, all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Crossplane {
    /// The cloud.
    pub cloud: Cloud,
    /// Whether the providers of its databases are installed.
    pub db_provider: bool,
    /// Whether the configuration of applications is.
    pub app_config: bool,
    /// Whether the configuration of databases is.
    pub db_config: bool,
    /// Whether applications are held to the admission policy.
    pub policies: bool,
    /// Whether the helm and kubernetes providers may do everything.
    pub cluster_admin: bool,
    /// Kinds of managed resources that are activated besides those that windlass's packages use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activate: Vec<String>,
    /// What the cloud's providers are there, where they have a workload identity: a role's ARN, a client id, or a service
    /// account's e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Azure's tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Azure's subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    /// Google's project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// The variable of the environment that holds the cloud's credentials; on Kind only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
}

impl Crossplane {
    /// Returns what was said, with defaults: the cluster's own cloud, with the providers of its databases and the configuration
    /// of applications.
    pub(super) fn settle(said: &Said, provider: ProviderId) -> Result<Self, Misuse> {
        let cloud = said.cloud.unwrap_or(match provider {
            ProviderId::Aws => Cloud::Aws,
            ProviderId::Azure => Cloud::Azure,
            ProviderId::Google => Cloud::Google,
            ProviderId::Kind => Cloud::None,
        });
        check_cloud(said, cloud)?;
        check_access(said, cloud, provider)?;
        let any = cloud != Cloud::None;
        Ok(Self {
            cloud,
            db_provider: said.db_provider.unwrap_or(any),
            app_config: said.app_config.unwrap_or(any),
            db_config: said.db_config.unwrap_or(false),
            policies: said.policies.unwrap_or(false),
            cluster_admin: said.cluster_admin.unwrap_or(false),
            activate: said.activate.clone(),
            identity: said.identity.clone(),
            tenant_id: said.tenant_id.clone(),
            subscription_id: said.subscription_id.clone(),
            project_id: said.project_id.clone(),
            credentials: said.credentials.clone(),
        })
    }
}

/// Refuses what is about another cloud than the one that is meant.
fn check_cloud(said: &Said, cloud: Cloud) -> Result<(), Misuse> {
    if cloud == Cloud::None {
        let about = [
            ("db-provider", said.db_provider == Some(true)),
            ("identity", said.identity.is_some()),
            ("credentials", said.credentials.is_some()),
        ];
        if let Some((name, _)) = about.iter().find(|(_, said)| *said) {
            return Err(Misuse::new(
                format!("crossplane: {name} is about a cloud, and none is meant"),
                "say which: --cloud aws, azure or google",
            ));
        }
    }
    for (name, is_said, of) in [
        ("tenant-id", said.tenant_id.is_some(), Cloud::Azure),
        (
            "subscription-id",
            said.subscription_id.is_some(),
            Cloud::Azure,
        ),
        ("project-id", said.project_id.is_some(), Cloud::Google),
    ] {
        if is_said && cloud != of {
            return Err(Misuse::new(
                format!("crossplane: {name} is about another cloud than the one that is meant"),
                format!("leave {name} out, or name its cloud: --cloud"),
            ));
        }
    }
    Ok(())
}

/// Refuses access that cannot be given, or not in this way.
fn check_access(said: &Said, cloud: Cloud, provider: ProviderId) -> Result<(), Misuse> {
    let is_kind = provider == ProviderId::Kind;
    if said.credentials.is_some() && !is_kind {
        return Err(Misuse::new(
            "crossplane: credentials in a Secret are for Kind only: here its providers have an identity of their own",
            "give them one: --identity",
        ));
    }
    if said.identity.is_some() && is_kind {
        return Err(Misuse::new(
            "crossplane: Kind has no workload identity",
            "give credentials, by the name of the variable that holds them: --credentials VARIABLE",
        ));
    }
    if said.credentials.is_some() && cloud == Cloud::Google && said.project_id.is_none() {
        return Err(Misuse::new(
            "crossplane: Google's providers want a project",
            "name it: --project-id",
        ));
    }
    let ids = said.tenant_id.is_some() && said.subscription_id.is_some();
    if said.identity.is_some() && cloud == Cloud::Azure && !ids {
        return Err(Misuse::new(
            "crossplane: Azure's providers want a tenant and a subscription with their identity",
            "name them: --tenant-id and --subscription-id",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn settle(said: Value, provider: ProviderId) -> Result<Crossplane, String> {
        let said = serde_json::from_value(said).unwrap();
        Crossplane::settle(&said, provider).map_err(|misuse| misuse.to_string())
    }

    #[test]
    fn a_clusters_own_cloud_is_meant_and_kind_has_none() {
        for (provider, cloud) in [
            (ProviderId::Aws, Cloud::Aws),
            (ProviderId::Azure, Cloud::Azure),
            (ProviderId::Google, Cloud::Google),
            (ProviderId::Kind, Cloud::None),
        ] {
            let settled = settle(json!({}), provider).unwrap();
            let any = cloud != Cloud::None;
            assert_eq!(settled.cloud, cloud);
            assert_eq!((settled.db_provider, settled.app_config), (any, any));
            assert!(!settled.db_config && !settled.policies && !settled.cluster_admin);
            // What is kept can be said again.
            let again = serde_json::to_value(&settled).unwrap();
            assert_eq!(settle(again, provider), Ok(settled));
        }
    }

    #[test]
    fn access_is_given_as_the_cluster_can() {
        let id = "01234567-89ab-cdef-0123-456789abcdef";
        let ids = json!({ "identity": id, "tenant-id": id, "subscription-id": id });
        assert!(settle(ids, ProviderId::Azure).is_ok());
        for (said, provider, why) in [
            (
                json!({ "credentials": "KEY" }),
                ProviderId::Azure,
                "for Kind only",
            ),
            (
                json!({ "identity": id }),
                ProviderId::Azure,
                "want a tenant and a subscription",
            ),
            (
                json!({ "identity": id, "cloud": "aws" }),
                ProviderId::Kind,
                "no workload identity",
            ),
            (
                json!({ "identity": id }),
                ProviderId::Kind,
                "about a cloud, and none is meant",
            ),
            (
                json!({ "tenant-id": id }),
                ProviderId::Google,
                "about another cloud",
            ),
            (
                json!({ "cloud": "google", "credentials": "KEY" }),
                ProviderId::Kind,
                "want a project",
            ),
        ] {
            let refused = settle(said.clone(), provider).unwrap_err();
            assert!(refused.contains(why), "{said}: {refused}");
        }
    }
}
