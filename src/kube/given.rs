//! A cluster that somebody else's kubeconfig names.

use std::path::Path;

use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig as KubeconfigFile},
};
use windlass_provider::{Error, Fault, Result};

use super::{Cluster, client::build, fault};

impl Cluster {
    /// Returns a client for the cluster that a kubeconfig's context names, and that context: its current one where `context`
    /// is `None`. Sends nothing yet, but may run the program that the kubeconfig names for a credential.
    ///
    /// # Errors
    /// [`Fault::Invalid`] where the file cannot be read, or has no such context.
    pub async fn from_file(path: &Path, context: Option<&str>) -> Result<(Self, String)> {
        let cannot = |error: &dyn std::error::Error| {
            let mut fault = Error::new(
                Fault::Invalid,
                format!("cannot use kubeconfig {}", path.display()),
            );
            fault.causes = fault::chain(error);
            fault
        };
        let file = KubeconfigFile::read_from(path).map_err(|error| cannot(&error))?;
        let contexts: Vec<String> = file.contexts.iter().map(|it| it.name.clone()).collect();
        let chosen = context.map(str::to_owned).or(file.current_context.clone());
        let options = KubeConfigOptions {
            context: context.map(str::to_owned),
            ..Default::default()
        };
        let config = Config::from_custom_kubeconfig(file, &options)
            .await
            .map_err(|error| {
                cannot(&error).hint(format!("it has the contexts {}", contexts.join(", ")))
            })?;
        let server = config.cluster_url.to_string();
        let server = server.trim_end_matches('/').to_owned();
        // The program for a credential is run there and then, and may need what this thread serves.
        let url = server.clone();
        let built = tokio::task::spawn_blocking(move || build(config, &url)).await;
        let client = built.map_err(|error| cannot(&error))??;
        Ok((Self::over(client, &server), chosen.unwrap_or_default()))
    }
}
