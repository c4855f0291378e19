//! The flags that describe a cluster.

use clap::{Args, ValueHint};

use super::App;
use crate::{
    error::{Error, Result},
    settings::Flags,
};

/// What the cluster should be like. Each is a setting of windlass.toml too, under `[clusters.NAME]`.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ClusterFlags {
    /// The Kubernetes version, such as 1.36.1 [default: the provider's]
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
    /// At least so many nodes; on Kind, exactly so many [default: 1]
    #[arg(long, value_name = "N", visible_alias = "nodes")]
    min_nodes: Option<String>,
    /// At most so many nodes
    #[arg(long, value_name = "N")]
    max_nodes: Option<String>,
    /// How large a node is: small, medium or large
    #[arg(long, value_name = "SIZE")]
    node_size: Option<String>,
    /// How long the cluster is meant to live, such as 8h: a reaper may destroy it afterwards
    #[arg(long, value_name = "DURATION")]
    lifetime: Option<String>,
    /// The port of this machine that leads to the ingress controller's http; 0: none [Kind; default: 80]
    #[arg(long, value_name = "PORT")]
    http_port: Option<String>,
    /// The port of this machine that leads to the ingress controller's https; 0: none [Kind; default: 443]
    #[arg(long, value_name = "PORT")]
    https_port: Option<String>,
    /// The node image [Kind; default: kind's own]
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// The container engine: docker, podman or nerdctl [Kind; default: the first that answers]
    #[arg(long, value_name = "ENGINE", value_hint = ValueHint::CommandName)]
    engine: Option<String>,
    /// Make the project too, under the name of --project or one that is made up; it goes with the cluster [Google Cloud]
    #[arg(long)]
    create_project: bool,
    /// Who pays for a project that is made [Google Cloud; default: the only billing account that is open]
    #[arg(long, value_name = "ID")]
    billing_account: Option<String>,
}

impl ClusterFlags {
    /// Returns all flags as settings; `place` is the provider that stands after the command's name.
    pub(super) fn flags(&self, app: &App, place: Option<&str>) -> Result<Flags> {
        let these = self.clone();
        Ok(Flags {
            kubernetes_version: these.kubernetes_version,
            min_nodes: these.min_nodes,
            max_nodes: these.max_nodes,
            node_size: these.node_size,
            lifetime: these.lifetime,
            http_port: these.http_port,
            https_port: these.https_port,
            image: these.image,
            engine: these.engine,
            create_project: these.create_project,
            billing_account: these.billing_account,
            ..flags_at(app, place)?
        })
    }
}

/// Returns the flags of every command as settings, with the provider that stands after the command's name.
pub(super) fn flags_at(app: &App, place: Option<&str>) -> Result<Flags> {
    let mut flags = app.global().flags();
    if let Some(place) = place {
        if let Some(other) = flags.provider.as_deref().filter(|other| *other != place) {
            return Err(
                Error::usage(format!("two providers: {place}, and --provider {other}"))
                    .hint("leave one of them out"),
            );
        }
        flags.provider = Some(place.to_owned());
    }
    Ok(flags)
}
