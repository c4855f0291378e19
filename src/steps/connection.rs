//! The connection to the cluster's API, opened when a step first needs it.

use tokio::sync::OnceCell;
use windlass_provider::{Ctx, Result};

use super::Steps;
use crate::kube::Cluster;

/// A connection that is opened once.
#[derive(Default)]
pub struct Connection(OnceCell<Cluster>);

impl Steps {
    /// Returns the connection to the cluster's API. The provider is asked where it is: a file could be stale.
    pub(super) async fn cluster(&self, cx: &Ctx) -> Result<Cluster> {
        let connect = || async {
            let access = self.provider.kubeconfig(cx, &self.cluster).await?;
            let (provider, name) = (self.provider.clone(), self.cluster.clone());
            let renew = move |cx: Ctx| {
                let (provider, name) = (provider.clone(), name.clone());
                async move { provider.kubeconfig(&cx, &name).await }
            };
            Ok(Cluster::connect(&access)?.renewed_by(renew))
        };
        self.connection.0.get_or_try_init(connect).await.cloned()
    }
}
