//! The access to a cluster: its kubeconfig, and windlass's block of `.env`.

use std::path::{Path, PathBuf};

use windlass_provider::{Change, ClusterName, Ctx, Kubeconfig, ProviderId, Result};

use super::{Steps, story};
use crate::{
    engine::Outcome,
    files::{WorkDir, atomic, dotenv},
    kube::kubeconfig,
};

/// The program that a kubeconfig runs for a credential, with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
}

/// Returns what windlass writes about a cluster into kubeconfigs.
fn entry(cluster: &ClusterName, access: &Kubeconfig, exec: &Exec) -> kubeconfig::Entry {
    kubeconfig::Entry {
        name: format!("windlass-{cluster}"),
        cluster: cluster.to_string(),
        server: access.server.clone(),
        certificate_authority: access.certificate_authority.clone(),
        tls_server_name: access.tls_server_name.clone(),
        namespace: None,
        credential: kubeconfig::Credential::Program {
            command: exec.command.clone(),
            args: exec.args.clone(),
            install_hint:
                "put windlass on your PATH, or write the kubeconfig anew: windlass kubeconfig"
                    .to_owned(),
        },
    }
}

/// Returns the lines of `.env` about a cluster.
fn variables(
    workdir: &WorkDir,
    cluster: &ClusterName,
    provider: ProviderId,
) -> [(String, String); 3] {
    let path = workdir.kubeconfig(cluster);
    let shown = std::path::absolute(&path)
        .unwrap_or(path)
        .display()
        .to_string();
    let own = format!(
        "KUBECONFIG_{}",
        cluster.as_str().to_uppercase().replace('-', "_")
    );
    [
        ("PROVIDER".to_owned(), provider.to_string()),
        ("KUBECONFIG".to_owned(), shown.clone()),
        (own, shown),
    ]
}

/// Returns whether a line of the block is one of `ingress address`, which the access to the cluster leaves alone.
fn is_address(variable: &str) -> bool {
    variable.ends_with("INGRESS_IP") || variable.ends_with("INGRESS_HOST")
}

/// Writes the cluster's kubeconfig and windlass's block of `.env`.
///
/// # Errors
/// A file that is there is not in order, or the system refuses.
pub fn write_access(
    workdir: &WorkDir,
    cluster: &ClusterName,
    provider: ProviderId,
    access: &Kubeconfig,
    exec: &Exec,
) -> Result<Change> {
    let path = workdir.kubeconfig(cluster);
    let was_there = path.exists();
    let holds = access_holds(workdir, cluster, access, exec);
    if !holds {
        kubeconfig::write(&path, &entry(cluster, access, exec))?;
    }
    let block = variables(workdir, cluster, provider);
    let written =
        dotenv::write_block(&workdir.dot_env(), cluster, &block, is_address).map_err(story)?;
    Ok(
        match (holds && written == dotenv::Written::Unchanged, was_there) {
            (true, _) => Change::Unchanged,
            (false, true) => Change::Updated,
            (false, false) => Change::Made,
        },
    )
}

/// Returns whether the cluster's kubeconfig is there and says what it should, and `.env` has a block for it.
pub(super) fn access_holds(
    workdir: &WorkDir,
    cluster: &ClusterName,
    access: &Kubeconfig,
    exec: &Exec,
) -> bool {
    let wanted = entry(cluster, access, exec).to_yaml();
    let found = atomic::read(&workdir.kubeconfig(cluster)).ok().flatten();
    found.is_some_and(|found| found == wanted.as_bytes())
        && matches!(dotenv::read_block(&workdir.dot_env(), cluster), Ok(Some(_)))
}

/// Returns the kubeconfig that `kubeconfig --merge` is about: the user's own; in a rehearsal, one in its folder, so that no
/// real file is touched.
///
/// # Errors
/// There is no place for one: neither KUBECONFIG nor HOME is set.
pub(super) fn merge_target(workdir: &WorkDir) -> Result<PathBuf> {
    if workdir.is_rehearsal() {
        return Ok(workdir.root().join("kubeconfig"));
    }
    kubeconfig::default_path(|name| std::env::var_os(name))
}

/// Merges the cluster into the kubeconfig at `merge_target`, and returns its path.
///
/// # Errors
/// It cannot be read or written, or has an entry of that name which is not ours.
pub async fn merge_access(
    cx: &Ctx,
    workdir: &WorkDir,
    cluster: &ClusterName,
    access: &Kubeconfig,
    exec: &Exec,
    set_current: bool,
) -> Result<PathBuf> {
    let path = merge_target(workdir)?;
    merge_into(cx, &path, cluster, access, exec, set_current).await?;
    Ok(path)
}

/// Merges the cluster into the kubeconfig at `path`, which is made where it is missing.
///
/// # Errors
/// As [`merge_access`].
pub async fn merge_into(
    cx: &Ctx,
    path: &Path,
    cluster: &ClusterName,
    access: &Kubeconfig,
    exec: &Exec,
    set_current: bool,
) -> Result<Change> {
    kubeconfig::merge(cx, path, &entry(cluster, access, exec), set_current).await
}

/// Removes the cluster's kubeconfig, its entries in the user's own, and windlass's block of `.env`.
///
/// # Errors
/// A file that is there is not in order, or the system refuses.
pub async fn remove_access(cx: &Ctx, workdir: &WorkDir, cluster: &ClusterName) -> Result<Change> {
    let path = workdir.kubeconfig(cluster);
    let mut removed = path.exists();
    // Where there is no place for a kubeconfig of the user's, nothing can have been merged into it.
    if let Ok(merged) = merge_target(workdir)
        && merged != path
    {
        removed |= kubeconfig::remove(cx, &merged, cluster.as_str()).await? == Change::Removed;
    }
    atomic::remove(&path).map_err(story)?;
    let block = dotenv::remove_block(&workdir.dot_env(), cluster).map_err(story)?;
    removed |= block != dotenv::Written::Unchanged;
    Ok(if removed {
        Change::Removed
    } else {
        Change::Absent
    })
}

impl Steps {
    pub(super) async fn write_access(&self, cx: &Ctx) -> Result<Outcome> {
        let access = self.provider.kubeconfig(cx, &self.cluster).await?;
        let (workdir, cluster) = (&self.workdir, &self.cluster);
        write_access(workdir, cluster, self.provider_id, &access, &self.exec).map(Outcome::of)
    }

    pub(super) async fn remove_access(&self, cx: &Ctx) -> Result<Outcome> {
        remove_access(cx, &self.workdir, &self.cluster)
            .await
            .map(Outcome::of)
    }
}
