//! Makes a cluster, finishes one that was left half made, or finds that it is there.

use std::{io::Write, path::Path, sync::Mutex, time::Duration};

use jiff::Timestamp;
use tempfile::TempDir;
use windlass_provider::{Change, Ctx, Error, Fault, Outputs, Owner, Resource, Result, Tags};

use crate::{
    command, config,
    containers::Cluster,
    delete, difference,
    health::{self, Health, Phase},
    host::{self, Host},
    lines,
    programs::Programs,
    want::{Layout, Want},
};

/// How long there is between two looks at a cluster.
const POLL: Duration = Duration::from_secs(2);
/// How long a cluster that is there may keep silent before that counts as broken: starting takes half a minute.
const SILENCE: Duration = Duration::from_secs(3 * 60);

/// Brings the cluster about.
pub(crate) async fn ensure(
    programs: &Programs,
    cx: &Ctx,
    resource: &Resource,
) -> Result<(Change, Outputs)> {
    let want = Want::read(resource)?;
    let Some(layout) = &want.layout else {
        return Err(Error::new(
            Fault::Invalid,
            format!(
                "kind cluster \"{}\" was found and not planned: it cannot be made",
                resource.name
            ),
        ));
    };
    let cx = &cx.within(resource.limit);
    let host = Host::open(programs, cx, want.engine()).await?;
    let work = Work {
        cx,
        host: &host,
        resource,
        layout,
    };
    match host.cluster(cx, &resource.cluster).await? {
        None => work.make().await,
        Some(cluster) if cluster.owner == Owner::Foreign => work.adopt(&cluster).await,
        Some(cluster) => work.finish(&cluster).await,
    }
}

struct Work<'a> {
    cx: &'a Ctx,
    host: &'a Host,
    resource: &'a Resource,
    layout: &'a Layout,
}

impl Work<'_> {
    /// Uses a cluster that somebody else made, as it is.
    async fn adopt(&self, cluster: &Cluster) -> Result<(Change, Outputs)> {
        let health = health::look(self.cx, self.host, cluster).await?;
        let name = &self.resource.name;
        let Some(detail) = health.phase.detail() else {
            for differs in difference::find(self.layout, cluster, &health.nodes) {
                self.cx.progress.say(format!(
                    "{} is {} there and not {}: the cluster is not windlass's and stays as it is",
                    differs.field, differs.found, differs.wanted
                ));
            }
            return Ok((Change::Unchanged, self.outputs(cluster, &health)));
        };
        let detail = cluster
            .doubt
            .iter()
            .fold(detail, |all, doubt| format!("{all}; {doubt}"));
        Err(Error::new(
            Fault::Conflict,
            format!("kind cluster \"{name}\" is there, was not made by windlass, and is not ready"),
        )
        .cause(detail)
        .hint(format!(
            "repair it, or remove it yourself: kind delete cluster --name {name}"
        ))
        .hint("or choose another name with --cluster"))
    }

    /// Goes on with a cluster of ours, from wherever it is.
    async fn finish(&self, cluster: &Cluster) -> Result<(Change, Outputs)> {
        let (cx, host, name) = (self.cx, self.host, self.resource.name.as_str());
        let health = health::look(cx, host, cluster).await?;
        match &health.phase {
            Phase::Ready => {
                self.refuse_differences(cluster, &health)?;
                return Ok((Change::Unchanged, self.outputs(cluster, &health)));
            }
            Phase::HalfMade(detail) => return self.make_again(detail).await,
            Phase::Broken(detail) => return Err(self.broken(detail)),
            Phase::Deleting => {
                cx.progress
                    .say(format!("waiting until the old kind cluster {name} is gone"));
                delete::wait_until_gone(cx, host, &self.resource.cluster).await?;
                return self.make().await;
            }
            Phase::Stopped { stopped, paused } => {
                cx.progress
                    .say(format!("starting kind cluster {name} again"));
                for (verb, containers) in [("start", stopped), ("unpause", paused)] {
                    if !containers.is_empty() {
                        let mut args = vec![verb];
                        args.extend(containers.iter().map(String::as_str));
                        host.engine(cx, &args).await.map_err(|error| {
                            error.context(format!("cannot start kind cluster \"{name}\" again"))
                        })?;
                    }
                }
            }
            Phase::Settling(_) | Phase::Silent(_) => {}
        }
        // What was silent may turn out to be half made, once its API answers.
        match self.settle().await? {
            Settled::Ready(cluster, health) => {
                self.refuse_differences(&cluster, &health)?;
                Ok((Change::Updated, self.outputs(&cluster, &health)))
            }
            Settled::HalfMade(detail) => self.make_again(&detail).await,
        }
    }

    async fn make_again(&self, detail: &str) -> Result<(Change, Outputs)> {
        let name = &self.resource.name;
        self.cx.progress.say(format!(
            "kind cluster {name} was left half made ({detail}): making it again"
        ));
        delete::remove(self.cx, self.host, &self.resource.cluster).await?;
        self.make().await
    }

    /// Makes the cluster, of which nothing is there.
    async fn make(&self) -> Result<(Change, Outputs)> {
        let (cx, name) = (self.cx, self.resource.name.as_str());
        let created = Timestamp::from_second(cx.clock.now().as_second())
            .expect("whole seconds of a timestamp are a timestamp");
        let lifetime = self
            .layout
            .lifetime
            .map(|s| i64::try_from(s).unwrap_or(i64::MAX));
        let expires = lifetime.map(|seconds| {
            let at = created.as_second().saturating_add(seconds);
            Timestamp::from_second(at).unwrap_or(Timestamp::MAX)
        });
        let tags = Tags {
            cluster: self.resource.cluster.clone(),
            created,
            expires,
        };
        let files = Files::write(&cx.scratch, &config::write(self.layout, &tags).to_string())?;
        let args = [
            "create",
            "cluster",
            "--name",
            name,
            "--config",
            &files.config,
            "--kubeconfig",
            &files.kubeconfig,
            "--wait",
            "0s",
        ]
        .map(str::to_owned);
        let last = Mutex::new(String::new());
        let watch = |line: &str| {
            if let Some(said) = lines::progress(line)
                && let Ok(mut last) = last.lock()
                && *last != said
            {
                cx.progress.say(&said);
                *last = said;
            }
        };
        let cannot = format!("cannot create kind cluster \"{name}\"");
        let ran = command::run(cx, self.host.kind()?, &args, &watch)
            .await
            .map_err(|error| error.context(&cannot))?;
        if !ran.succeeded() {
            return Err(self.host.explain(&ran, Fault::Failed, cannot));
        }
        match self.settle().await? {
            Settled::Ready(cluster, health) => Ok((Change::Made, self.outputs(&cluster, &health))),
            Settled::HalfMade(detail) => Err(Error::new(Fault::Failed, cannot).cause(detail)),
        }
    }

    /// Waits until the cluster is ready, or turns out to be half made.
    async fn settle(&self) -> Result<Settled> {
        let (cx, name) = (self.cx, self.resource.name.as_str());
        let what = format!("waiting for kind cluster \"{name}\"");
        let mut last = String::new();
        let mut silent_since: Option<Timestamp> = None;
        loop {
            let Some(cluster) = self
                .host
                .cluster(cx, &self.resource.cluster)
                .await
                .map_err(|error| late(error, &last))?
            else {
                return Err(
                    Error::new(Fault::Failed, format!("kind cluster \"{name}\" is gone"))
                        .cause("somebody else deleted its containers"),
                );
            };
            let health = health::look(cx, self.host, &cluster)
                .await
                .map_err(|error| late(error, &last))?;
            match &health.phase {
                Phase::Ready => return Ok(Settled::Ready(cluster, health)),
                Phase::HalfMade(detail) => return Ok(Settled::HalfMade(detail.clone())),
                Phase::Settling(_) => silent_since = None,
                Phase::Silent(detail) => {
                    let since = *silent_since.get_or_insert(cx.clock.now());
                    if cx.clock.now() >= since + SILENCE {
                        return Err(self.broken(detail));
                    }
                }
                phase @ (Phase::Broken(_) | Phase::Stopped { .. } | Phase::Deleting) => {
                    return Err(self.broken(&phase.detail().unwrap_or_default()));
                }
            }
            let detail = health.phase.detail().unwrap_or_default();
            if last != detail {
                cx.progress.say(&detail);
                last = detail;
            }
            let pause = cx.bound(&what, async {
                cx.clock.sleep(POLL).await;
                Ok(())
            });
            pause.await.map_err(|error| late(error, &last))?;
            if host::is_over(cx) {
                return Err(late(Error::timed_out(&what), &last));
            }
        }
    }

    fn broken(&self, detail: &str) -> Error {
        let name = &self.resource.name;
        Error::new(Fault::Failed, format!("kind cluster \"{name}\" does not work"))
            .cause(detail)
            .hint(format!("look into it: {} logs {name}-control-plane", self.host.engine))
            .hint(format!(
                "windlass does not remake a cluster that may hold something; to begin anew: windlass destroy kind --cluster {name}"
            ))
    }

    /// Stops where the cluster differs in what matters: kind cannot change a cluster.
    fn refuse_differences(&self, cluster: &Cluster, health: &Health) -> Result<()> {
        let found = difference::find(self.layout, cluster, &health.nodes);
        let (harmless, grave): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|differs| differs.field == difference::LIFETIME);
        for differs in harmless {
            self.cx.progress.say(format!(
                "{} stays as it was: {} and not {}",
                differs.field, differs.found, differs.wanted
            ));
        }
        if grave.is_empty() {
            return Ok(());
        }
        let name = &self.resource.name;
        let error = Error::new(
            Fault::Invalid,
            format!("kind cluster \"{name}\" is not as wanted, and kind cannot change a cluster"),
        );
        let error = grave.iter().fold(error, |error, differs| {
            error.cause(format!(
                "{}: {} is wanted, {} is there",
                differs.field, differs.wanted, differs.found
            ))
        });
        Err(error
            .hint("take the settings back to what is there")
            .hint(format!(
                "or begin anew: windlass destroy kind --cluster {name}, then the same command again"
            )))
    }

    fn outputs(&self, cluster: &Cluster, health: &Health) -> Outputs {
        difference::outputs(self.host.engine.as_str(), cluster, &health.nodes)
    }
}

/// Adds what was being waited for.
fn late(error: Error, last: &str) -> Error {
    if last.is_empty() {
        error
    } else {
        error.cause(last)
    }
}

enum Settled {
    Ready(Cluster, Health),
    HalfMade(String),
}

/// A folder, readable to nobody else, with what kind reads and writes; it goes with this.
///
/// Kind writes the cluster's credentials into whichever kubeconfig it is told, so that it is told one in here and the
/// user's own stays untouched.
pub(crate) struct Files {
    _folder: TempDir,
    config: String,
    pub(crate) kubeconfig: String,
}

impl Files {
    /// Writes the configuration into a new folder in `scratch`.
    pub(crate) fn write(scratch: &Path, config: &str) -> Result<Self> {
        let make = || {
            let folder = tempfile::Builder::new()
                .prefix("windlass-kind-")
                .tempdir_in(scratch)?;
            let path = folder.path().join("kind.json");
            let mut file = std::fs::File::create_new(&path)?;
            file.write_all(config.as_bytes())?;
            let text = |path: std::path::PathBuf| {
                path.into_os_string()
                    .into_string()
                    .map_err(|_| std::io::Error::other("the folder has a name that is not UTF-8"))
            };
            Ok(Self {
                kubeconfig: text(folder.path().join("kubeconfig"))?,
                config: text(path)?,
                _folder: folder,
            })
        };
        make().map_err(|error: std::io::Error| {
            Error::new(
                Fault::Unavailable,
                format!(
                    "cannot write kind's configuration into {}",
                    scratch.display()
                ),
            )
            .cause(error.to_string())
            .hint("see that there is space, and that you may write there")
        })
    }
}
