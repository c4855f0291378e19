//! A world: opened from its folder, or attached to where another process runs it.

mod remote;
#[cfg(test)]
mod tests;

use crate::{
    aws, azure,
    clock::{Clock, Speed},
    faults::FaultFile,
    google,
    ground::{self, Ground},
    log::Log,
    server,
    site::{Entry, FORMAT},
    tls::Identity,
};
use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use remote::RemoteClock;
use std::{
    fs::{self, File, TryLockError},
    io::Write,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// A simulated world: clouds, clusters, the machine with its programs, and time.
///
/// Dropping it closes it.
pub struct World {
    endpoint: String,
    place: Place,
}

enum Place {
    Here(Here),
    There(RemoteClock),
}

struct Here {
    ground: Arc<Ground>,
    beacon: PathBuf,
    /// Held as long as the world runs here; a crash releases it.
    _lock: File,
    server: Option<AbortOnDropHandle<()>>,
    /// What moves the things of the simulated AWS.
    engine: AbortOnDropHandle<()>,
    /// What moves those of the simulated Azure.
    azure: AbortOnDropHandle<()>,
}

/// How often, and with which pause, a world is looked for that another process is about to open or close.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

impl World {
    /// Opens the world in `dir` at `speed` and serves it on loopback, or attaches to the process that already does; the speed is
    /// then that process's. A folder that does not exist is created (0700), with an empty world in it.
    ///
    /// # Errors
    /// A folder that cannot be used, a damaged log, or no port.
    pub async fn open(dir: &Path, speed: Speed) -> Result<Self> {
        create(dir)
            .with_context(|| format!("cannot create the world's folder {}", dir.display()))?;
        let path = dir.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open the world's lock {}", path.display()))?;
        let beacon = dir.join("endpoint");
        for _ in 0..TRIES {
            match lock.try_lock() {
                Ok(()) => return Self::run(dir, beacon, lock, speed).await,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("cannot lock {}", path.display()));
                }
            }
            if let Ok(endpoint) = fs::read_to_string(&beacon)
                && let Ok(world) = Self::attach(endpoint.trim()).await
            {
                return Ok(world);
            }
            // The other process is just opening or closing: nothing tells when, so look again, a bounded number of times.
            tokio::time::sleep(PAUSE).await;
        }
        bail!(
            "another process holds the world {}, but does not answer at the endpoint that it wrote; end that process",
            dir.display()
        )
    }

    /// Attaches to the world at `url`, as [`World::endpoint`] gives it.
    ///
    /// # Errors
    /// A URL that is none, or at which no world answers.
    pub async fn attach(url: &str) -> Result<Self> {
        let endpoint = url.trim_end_matches('/').to_owned();
        let clock = RemoteClock::connect(&endpoint)
            .await
            .with_context(|| format!("cannot attach to the simulated world at {endpoint}"))?;
        let place = Place::There(clock);
        Ok(Self { endpoint, place })
    }

    /// Lets the world misbehave as `faults` says, in place of what was said before, until the process that runs it ends. The same
    /// again changes nothing: what was counted goes on.
    ///
    /// # Errors
    /// Another process runs the world and does not take them.
    pub async fn inject(&self, faults: &FaultFile) -> Result<()> {
        match &self.place {
            Place::Here(here) => here.ground.misbehave(faults),
            Place::There(_) => {
                let answer = remote::post(&self.endpoint, "control/faults", faults.text()).await;
                answer.context("cannot hand the faults to the world")?;
            }
        }
        Ok(())
    }

    /// Lets there be a Git repository of whose content nothing is known, unless there is one of that URL; returns whether it was not
    /// there. It has every branch, tag and folder, and nothing in them.
    ///
    /// # Errors
    /// Another process runs the world and does not answer.
    pub async fn assume_repository(&self, url: &str) -> Result<bool> {
        match &self.place {
            Place::Here(here) => Ok(here.ground.assume_repository(url)),
            Place::There(_) => {
                let body = serde_json::json!(url).to_string();
                let answer = remote::post(&self.endpoint, "control/git/assume", &body).await;
                let answer = answer.context("cannot tell the world of a repository")?;
                Ok(answer == true)
            }
        }
    }

    /// Returns the addresses of a name that a load balancer of some cluster has, as name servers would tell them; none, where no
    /// such name is known.
    ///
    /// # Errors
    /// Another process runs the world and does not answer.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>> {
        match &self.place {
            Place::Here(here) => Ok(here.ground.resolve(name)),
            Place::There(_) => {
                let body = serde_json::json!(name).to_string();
                let answer = remote::post(&self.endpoint, "control/resolve", &body).await;
                let answer = answer.context("cannot ask the world for a name")?;
                Ok(serde_json::from_value(answer)?)
            }
        }
    }

    /// Lets there be a project of Google Cloud that was there before, with all that clusters need in it, unless there is one of that
    /// id.
    ///
    /// # Errors
    /// Another process runs the world and does not answer.
    pub async fn assume_project(&self, id: &str) -> Result<()> {
        match &self.place {
            Place::Here(here) => google::assume(&here.ground, id),
            Place::There(_) => {
                let body = serde_json::json!(id).to_string();
                let answer = remote::post(&self.endpoint, "control/google/assume", &body).await;
                answer.context("cannot tell the world of a project")?;
            }
        }
        Ok(())
    }

    /// Lets the clusters of the machine have load balancers, as with cloud-provider-kind; the world remembers it.
    ///
    /// # Errors
    /// Another process runs the world and does not answer.
    pub async fn give_load_balancers(&self) -> Result<()> {
        match &self.place {
            Place::Here(here) => here.ground.have_load_balancers(true),
            Place::There(_) => {
                let answer = remote::post(&self.endpoint, "control/balancers", "true").await;
                answer.context("cannot tell the world to have load balancers")?;
            }
        }
        Ok(())
    }

    /// Returns the URL at which the world is reached; it contains a secret token.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns the URL of the stand-in for a manifest that a project releases; as in "flux" and "v2.9.4".
    pub fn manifest(&self, project: &str, version: &str) -> String {
        let address = self.endpoint.split("/world/").next().unwrap_or_default();
        format!("{address}/manifests/{project}/{version}/install.yaml")
    }

    /// Returns the URL under which stand-ins for registries and repositories are: `https://HOST/PATH` is there at `HOST/PATH`.
    pub fn registries(&self) -> String {
        let address = self.endpoint.split("/world/").next().unwrap_or_default();
        format!("{address}/registries")
    }

    /// Returns the world's clock.
    pub fn clock(&self) -> WorldClock {
        WorldClock {
            clock: match &self.place {
                Place::Here(here) => AnyClock::Here(here.ground.clock.clone()),
                Place::There(clock) => AnyClock::There(clock.clone()),
            },
            skew: SignedDuration::ZERO,
        }
    }

    /// Returns whether this process runs the world; otherwise another does.
    pub fn serving(&self) -> bool {
        matches!(self.place, Place::Here(_))
    }

    /// Closes the world: all of it is in its log. Where another process runs it, only lets go of it.
    pub async fn close(mut self) {
        if let Place::Here(here) = &mut self.place {
            here.shut();
            if let Some(server) = here.server.take() {
                server.abort();
                // It was aborted: that it says so is no news.
                let _ = server.await;
            }
        }
    }

    /// Returns what the world stands on, where it runs here.
    #[cfg(test)]
    pub(crate) fn ground(&self) -> Arc<Ground> {
        match &self.place {
            Place::Here(here) => here.ground.clone(),
            Place::There(_) => panic!("the world runs elsewhere"),
        }
    }

    async fn run(dir: &Path, beacon: PathBuf, lock: File, speed: Speed) -> Result<Self> {
        let (log, mut reading) = Log::open(&dir.join("log.jsonl"))?;
        let listener = listen(reading.site.port).await?;
        let port = listener
            .local_addr()
            .context("cannot tell the world's port")?
            .port();
        let start = reading
            .latest
            .map_or_else(Timestamp::now, |latest| latest.max(Timestamp::now()));
        let log = Arc::new(log);
        let moves = log.clone();
        let clock = Clock::start(start, speed, Box::new(move |now| moves.append(now, None)));
        let address = format!("http://127.0.0.1:{port}");
        let token = ground::digest(&format!(
            "{} {}",
            ulid::Ulid::generate(),
            ulid::Ulid::generate()
        ));
        let endpoint = format!("{address}/world/{}", &token[..32]);
        let ground = Ground::new(clock, log, address, Identity::open(dir)?, reading.site);
        ground.write(Entry::Opened {
            format: FORMAT,
            port,
        });
        let clusters: Vec<_> = ground.site().clusters.values().cloned().collect();
        for cluster in clusters {
            let records = ground::records(&mut reading.objects, &cluster.name);
            ground.serve(&cluster, records);
        }
        ground.settle();
        if let Some(failure) = ground.log.failure() {
            bail!(failure);
        }
        let server = tokio::spawn(server::serve(
            listener,
            ground.clone(),
            token[..32].to_owned(),
        ));
        announce(dir, &beacon, &endpoint)
            .with_context(|| format!("cannot write {}", beacon.display()))?;
        let here = Here {
            engine: AbortOnDropHandle::new(tokio::spawn(aws::run(ground.clone()))),
            azure: AbortOnDropHandle::new(tokio::spawn(azure::run(ground.clone()))),
            ground,
            beacon,
            _lock: lock,
            server: Some(AbortOnDropHandle::new(server)),
        };
        let place = Place::Here(here);
        Ok(Self { endpoint, place })
    }
}

impl Here {
    fn shut(&self) {
        self.engine.abort();
        self.azure.abort();
        self.ground.close();
        // If it stays, it names a world that does not answer, which the next process finds out.
        let _ = fs::remove_file(&self.beacon);
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        if self.server.is_some() {
            self.shut();
        }
    }
}

/// The clock of a world, wherever it runs; or one that goes with it and is wrong.
#[derive(Clone)]
pub struct WorldClock {
    clock: AnyClock,
    /// How far it is ahead of the world's.
    skew: SignedDuration,
}

#[derive(Clone)]
enum AnyClock {
    Here(Clock),
    There(RemoteClock),
}

impl WorldClock {
    /// Returns a clock that is ahead of the world's by `skew`; behind, where that is negative.
    #[must_use]
    pub fn ahead_by(self, skew: SignedDuration) -> Self {
        Self { skew, ..self }
    }

    /// Returns the moment that the clock shows.
    pub fn now(&self) -> Timestamp {
        let now = match &self.clock {
            AnyClock::Here(clock) => clock.now(),
            AnyClock::There(clock) => clock.now(),
        };
        now.checked_add(self.skew).unwrap_or(now)
    }

    /// Waits for a simulated duration. Its holder has nothing else to do, so that the clock may jump there.
    pub async fn sleep(&self, duration: Duration) {
        match &self.clock {
            AnyClock::Here(clock) => clock.sleep(duration).await,
            AnyClock::There(clock) => clock.sleep(duration).await,
        }
    }

    /// Waits until the clock shows `at`, as a bound on other work: it does not hurry there.
    pub async fn reached(&self, at: Timestamp) {
        let at = at.checked_sub(self.skew).unwrap_or(at);
        match &self.clock {
            AnyClock::Here(clock) => clock.reached(at).await,
            AnyClock::There(clock) => clock.reached(at).await,
        }
    }
}

fn create(dir: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Listens where the world listened last, so that old kubeconfigs stay valid, or elsewhere.
async fn listen(port: u16) -> Result<TcpListener> {
    if port != 0
        && let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await
    {
        return Ok(listener);
    }
    TcpListener::bind(("127.0.0.1", 0))
        .await
        .context("cannot listen on 127.0.0.1")
}

fn announce(dir: &Path, beacon: &Path, endpoint: &str) -> Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    writeln!(file, "{endpoint}")?;
    file.persist(beacon)?;
    Ok(())
}
