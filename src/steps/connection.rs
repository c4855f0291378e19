//! The connection to the cluster's API, opened when a step first needs it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::OnceCell;
use windlass_provider::{ClusterName, Ctx, Provider, ProviderId, Result};

use super::Steps;
use crate::kube::{Cluster, Selector, kubeconfig};

/// A connection that is opened once. The default one is opened where the provider says that the cluster is.
#[derive(Default)]
pub struct Connection {
    cluster: OnceCell<Cluster>,
    context: Option<String>,
}

impl Connection {
    /// Returns a connection to the cluster that a kubeconfig names: the user's own file where `path` is `None`, its current
    /// context where `context` is.
    ///
    /// # Errors
    /// The file cannot be read, or has no such context.
    pub async fn given(path: Option<&Path>, context: Option<&str>) -> Result<Self> {
        let path: PathBuf = match path {
            Some(path) => path.to_owned(),
            None => kubeconfig::default_path(|name| std::env::var_os(name))?,
        };
        let (cluster, context) = Cluster::from_file(&path, context).await?;
        Ok(Self {
            cluster: OnceCell::new_with(Some(cluster)),
            context: Some(context),
        })
    }

    /// Returns the name of the context that the connection was given by.
    #[must_use]
    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// Returns the client. The provider is asked where the cluster is: a file could be stale.
    pub(super) async fn open(
        &self,
        cx: &Ctx,
        provider: &Arc<dyn Provider>,
        name: &ClusterName,
    ) -> Result<Cluster> {
        let connect = || async {
            let access = provider.kubeconfig(cx, name).await?;
            let (provider, name) = (provider.clone(), name.clone());
            let renew = move |cx: Ctx| {
                let (provider, name) = (provider.clone(), name.clone());
                async move { provider.kubeconfig(&cx, &name).await }
            };
            Ok(Cluster::connect(&access)?.renewed_by(renew))
        };
        self.cluster.get_or_try_init(connect).await.cloned()
    }

    /// Returns the URL of the server, once it is known.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.cluster.get().map(Cluster::server)
    }

    /// Returns which provider runs the nodes, as they tell by `spec.providerID`; `None` where they tell none that windlass
    /// knows. Only for a connection that was given.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn find_provider(&self, cx: &Ctx) -> Result<Option<ProviderId>> {
        let Some(cluster) = self.cluster.get() else {
            return Ok(None);
        };
        let node = cluster.kind(cx, "v1", "Node").await?;
        let nodes = cluster.list(cx, &node, None, &Selector::default()).await?;
        Ok(nodes.iter().find_map(|node| {
            let (scheme, _) = node["spec"]["providerID"].as_str()?.split_once("://")?;
            match scheme {
                "aws" => Some(ProviderId::Aws),
                "azure" => Some(ProviderId::Azure),
                "gce" => Some(ProviderId::Google),
                "kind" => Some(ProviderId::Kind),
                _ => None,
            }
        }))
    }
}

impl Steps {
    /// Returns the connection to the cluster's API.
    pub(super) async fn cluster(&self, cx: &Ctx) -> Result<Cluster> {
        self.connection
            .open(cx, &self.provider, &self.cluster)
            .await
    }
}
