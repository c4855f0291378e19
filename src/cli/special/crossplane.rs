//! Crossplane's own flags.

use clap::Args;
use serde_json::Value;

use super::{Said, given};
use crate::error::{Error, Kind, Result};

/// What Crossplane is to bring along.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Crossplane")]
pub(super) struct CrossplaneFlags {
    /// The cloud that it makes things in: aws, azure, google or none [default: the cluster's own; on Kind, none]
    #[arg(long, value_name = "CLOUD")]
    cloud: Option<String>,
    /// The providers of the cloud's databases [default: with a cloud]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    db_provider: Option<bool>,
    /// The configuration of applications, dot-application [default: with a cloud]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    app_config: Option<bool>,
    /// The configuration of databases, dot-sql [default: false]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    db_config: Option<bool>,
    /// Admit only applications that scale, to more than one replica [default: false]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    policies: Option<bool>,
    /// Let its helm and kubernetes providers do everything in the cluster, and not only what the configurations need
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    cluster_admin: Option<bool>,
    /// Kinds of managed resources to activate besides those that the packages here use, such as *.s3.aws.m.upbound.io
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    activate: Vec<String>,
    /// What its providers are in the cloud: a role's ARN, the client id of a managed identity, or a service account
    #[arg(long, value_name = "IDENTITY")]
    identity: Option<String>,
    /// Azure's tenant
    #[arg(long, value_name = "ID")]
    tenant_id: Option<String>,
    /// Azure's subscription
    #[arg(long, value_name = "ID")]
    subscription_id: Option<String>,
    /// Google's project
    #[arg(long, value_name = "ID", visible_alias = "google-project-id")]
    project_id: Option<String>,
    /// The variable of the environment that holds the cloud's credentials, as its providers take them; on Kind only
    #[arg(long, value_name = "VARIABLE")]
    credentials: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    github_config: Option<String>,
}

impl CrossplaneFlags {
    pub(super) fn said(&self) -> Result<Said> {
        if self
            .github_config
            .as_deref()
            .is_some_and(|it| it != "false")
        {
            return Err(Error::message(
                Kind::Usage,
                "--github-config is gone: dot-github is made for Crossplane 1 and does not run on Crossplane 2",
            )
            .hint("leave it out"));
        }
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let yes = |yes: Option<bool>| yes.map(Value::from);
        let activate = (!self.activate.is_empty()).then(|| self.activate.clone().into());
        Ok(given([
            ("cloud", text(&self.cloud)),
            ("db-provider", yes(self.db_provider)),
            ("app-config", yes(self.app_config)),
            ("db-config", yes(self.db_config)),
            ("policies", yes(self.policies)),
            ("cluster-admin", yes(self.cluster_admin)),
            ("activate", activate),
            ("identity", text(&self.identity)),
            ("tenant-id", text(&self.tenant_id)),
            ("subscription-id", text(&self.subscription_id)),
            ("project-id", text(&self.project_id)),
            ("credentials", text(&self.credentials)),
        ]))
    }
}
