//! Components that are a manifest: fetched once, its digest recorded and checked ever after, then applied as it is.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde_json::Value;
use windlass_provider::{Ctx, Error, Fault, Result};

use super::{Steps, change_of, inventory::Claim, story, web};
use crate::{
    engine::Outcome,
    error,
    files::{Digest, LockEntry, LockFile, Mode, WorkDir, atomic},
    kube::{self, ObjectRef},
    plan::Manifest,
};

/// Where a manifest is to be had.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The component.
    pub component: String,
    /// Its version.
    pub version: String,
    /// A URL, or the path of a file.
    pub location: String,
}

/// Returns a manifest's digest, having fetched it, checked it against `windlass.lock` and kept a copy in the cluster's state
/// folder; the copy serves a run that goes on later, with or without a network.
///
/// # Errors
/// It cannot be fetched, is not what `windlass.lock` says, or cannot be kept.
pub async fn fetch(
    cx: &Ctx,
    origin: &Origin,
    workdir: &WorkDir,
    cluster: &windlass_provider::ClusterName,
) -> error::Result<Manifest> {
    let lock_path = workdir.lock_file();
    let mut lock = match &lock_path {
        Some(path) => LockFile::read(path)?,
        None => LockFile::default(),
    };
    let locked = lock
        .entries
        .get(&origin.component)
        .filter(|entry| entry.version == origin.version)
        .cloned();
    let kept = kept_at(workdir, cluster, &origin.component, &origin.version);
    let manifest = |digest: Digest| Manifest {
        component: origin.component.clone(),
        url: origin.location.clone(),
        sha256: digest.to_string(),
    };
    if let Some(entry) = &locked
        && let Some(bytes) = atomic::read(&kept)?
        && Digest::of(&bytes) == entry.sha256
    {
        return Ok(manifest(entry.sha256));
    }
    let bytes = read(cx, &origin.location).await?;
    let digest = Digest::of(&bytes);
    if let (Some(entry), Some(path)) = (&locked, &lock_path)
        && entry.sha256 != digest
    {
        return Err(error::Error::new(
            error::Kind::Refused,
            anyhow!("{} has the SHA-256 {digest}", origin.location)
                .context(format!("{} expects {}", path.display(), entry.sha256))
                .context(format!(
                    "the manifest of {} {} is not what it was",
                    origin.component, origin.version
                )),
        )
        .hint(format!(
            "if you trust the new one, remove [locked.{}] from {} and run the same command again",
            origin.component,
            path.display()
        )));
    }
    parse(&origin.location, &bytes)?;
    if let Some(folder) = kept.parent() {
        atomic::create_folder(folder)?;
    }
    atomic::write(&kept, Mode::Private, &bytes)?;
    if let Some(path) = &lock_path {
        let entry = LockEntry {
            version: origin.version.clone(),
            url: origin.location.clone(),
            sha256: digest,
        };
        if lock.entries.get(&origin.component) != Some(&entry) {
            lock.entries.insert(origin.component.clone(), entry);
            lock.write(path)?;
        }
    }
    Ok(manifest(digest))
}

/// Returns the objects of the manifest at a URL or path, and keeps nothing.
///
/// # Errors
/// It cannot be fetched, or is no manifest.
pub async fn read_manifest(cx: &Ctx, location: &str) -> error::Result<Vec<Value>> {
    Ok(parse(location, &read(cx, location).await?)?)
}

fn parse(location: &str, bytes: &[u8]) -> Result<Vec<Value>> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Error::new(Fault::Invalid, format!("{location} is not a manifest"))
            .cause(format!("byte {} is not UTF-8", error.valid_up_to() + 1))
    })?;
    kube::parse(location, text)
}

fn kept_at(
    workdir: &WorkDir,
    cluster: &windlass_provider::ClusterName,
    component: &str,
    version: &str,
) -> PathBuf {
    let safe: String = version
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || ".-_".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    workdir
        .cluster(cluster)
        .join("manifests")
        .join(format!("{component}-{safe}.yaml"))
}

async fn read(cx: &Ctx, location: &str) -> error::Result<Vec<u8>> {
    let cannot = format!("cannot fetch {location}");
    if !location.starts_with("http://") && !location.starts_with("https://") {
        return match atomic::read(Path::new(location))? {
            Some(bytes) => Ok(bytes),
            None => Err(
                error::Error::usage(format!("{cannot}: there is no such file"))
                    .hint("--flux-manifest takes a file or an http(s) URL"),
            ),
        };
    }
    let offline = "without a network, fetch it elsewhere and give it with --flux-manifest FILE; behind a proxy, set HTTPS_PROXY";
    let bounded = cx.within(std::time::Duration::from_secs(120));
    let work = async {
        download(cx, location).await.map_err(|error| {
            let mut fault = Error::new(Fault::Unavailable, cannot.clone()).hint(offline);
            fault.causes = error.chain().map(ToString::to_string).collect();
            fault
        })
    };
    Ok(bounded.bound(&format!("fetching {location}"), work).await?)
}

async fn download(cx: &Ctx, url: &str) -> anyhow::Result<Vec<u8>> {
    let client = web::connect(url)?;
    web::get(cx, &client, url, (None, false)).await?.body(url)
}

/// A manifest, as its step names it.
pub(super) struct Wanted<'a> {
    pub(super) component: &'a str,
    pub(super) version: &'a str,
    pub(super) namespace: &'a str,
    pub(super) url: &'a str,
    pub(super) sha256: &'a str,
    pub(super) unawaited: bool,
}

impl Steps {
    /// Returns where the copy of a manifest is kept.
    pub(super) fn kept_at(&self, component: &str, version: &str) -> PathBuf {
        kept_at(&self.workdir, &self.cluster, component, version)
    }

    pub(super) async fn install_manifest(&self, cx: &Ctx, wanted: &Wanted<'_>) -> Result<Outcome> {
        let changed = || {
            Error::new(
                Fault::Invalid,
                format!("the kept copy of {} is missing or was changed", wanted.url),
            )
            .hint("run the same command again with --replan: it is fetched anew")
        };
        let path = self.kept_at(wanted.component, wanted.version);
        let bytes = atomic::read(&path).map_err(story)?.ok_or_else(changed)?;
        let digest = Digest::of(&bytes);
        if digest.to_string() != wanted.sha256 {
            return Err(changed());
        }
        let cluster = self.cluster(cx).await?;
        let objects = parse(wanted.url, &bytes)?;
        let others = self.made_by_others(cx, wanted.component, &objects).await?;
        if !others.is_empty() {
            cluster.wait_ready(cx, &others).await?;
            return Ok(super::left_to_others(wanted.component));
        }
        self.claim(
            cx,
            Claim {
                component: wanted.component,
                version: wanted.version,
                namespace: wanted.namespace,
                digest,
                objects: &objects,
                extras: &[],
                options: Default::default(),
            },
        )
        .await?;
        let applied = cluster.apply(cx, &objects).await?;
        let refs: Vec<ObjectRef> = applied.iter().map(|item| item.object.clone()).collect();
        let mut outcome = Outcome::of(change_of(&applied));
        match wanted.unawaited {
            true => outcome.notes.push(super::not_awaited(wanted.component)),
            false => cluster.wait_ready(cx, &refs).await?,
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use windlass_provider::SystemClock;

    use super::*;

    const MANIFEST: &[u8] = b"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: flux-system\n";

    #[tokio::test]
    async fn a_manifest_is_locked_kept_and_checked_ever_after() {
        let folder = tempfile::tempdir().unwrap();
        let workdir = WorkDir::real(folder.path());
        let cluster = "dot".parse().unwrap();
        let cx = Ctx::new(Arc::new(SystemClock));
        let file = folder.path().join("flux.yaml");
        std::fs::write(&file, MANIFEST).unwrap();
        let origin = Origin {
            component: "flux".into(),
            version: "2.9.4".into(),
            location: file.display().to_string(),
        };
        let first = fetch(&cx, &origin, &workdir, &cluster).await.unwrap();
        assert_eq!(first.sha256, Digest::of(MANIFEST).to_string());
        // The kept copy serves without the source.
        std::fs::remove_file(&file).unwrap();
        assert_eq!(
            fetch(&cx, &origin, &workdir, &cluster).await.unwrap(),
            first
        );
        // Another cluster has no copy, and another content is refused.
        std::fs::write(
            &file,
            b"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: evil\n",
        )
        .unwrap();
        let other = "other".parse().unwrap();
        let error = fetch(&cx, &origin, &workdir, &other).await.unwrap_err();
        assert_eq!(error.kind, error::Kind::Refused);
        assert!(
            error
                .to_string()
                .contains("the manifest of flux 2.9.4 is not what it was")
        );
    }

    #[tokio::test]
    async fn what_cannot_be_fetched_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let workdir = WorkDir::real(folder.path());
        let cluster = "dot".parse().unwrap();
        let cx = Ctx::new(Arc::new(SystemClock));
        for (location, says) in [
            ("/nowhere/flux.yaml", "there is no such file"),
            // Port 9 of loopback: nothing listens.
            ("http://127.0.0.1:9/flux.yaml", "--flux-manifest FILE"),
        ] {
            let origin = Origin {
                component: "flux".into(),
                version: "2.9.4".into(),
                location: location.into(),
            };
            let error = fetch(&cx, &origin, &workdir, &cluster).await.unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        assert!(workdir.lock_file().is_some_and(|path| !path.exists()));
    }
}
