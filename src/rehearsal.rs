//! Rehearsals: a simulated world in place of clouds, clusters and programs, reached through the very same code.

use std::{
    ffi::OsString,
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use windlass_provider::Clock;
pub use windlass_simulator::Speed;
use windlass_simulator::{FaultFile, World, WorldClock};

use crate::{
    error::{Error, Kind, Result},
    files,
};

/// Where the simulated world is, and how fast it goes.
#[derive(Clone, Debug)]
pub struct Options {
    /// A folder, or the URL of a world that `windlass rehearse serve` runs; `None`: the user's own.
    pub world: Option<String>,
    /// How fast its clock goes.
    pub speed: Speed,
    /// The file that says how it misbehaves.
    pub faults: Option<PathBuf>,
}

/// A rehearsal that is under way.
pub struct Rehearsal {
    world: World,
    location: String,
    /// How far the clock of this machine is ahead of the world's.
    skew: SignedDuration,
}

impl Rehearsal {
    /// Opens the world, or attaches to the process that has it open.
    ///
    /// # Errors
    /// Where there is no place for it, or it cannot be read; where the file of faults cannot be used.
    pub async fn open(options: &Options) -> Result<Self> {
        let faults = options.faults.as_deref().map(read_faults).transpose()?;
        let mut rehearsal = Self::enter(options).await?;
        if let Some(faults) = faults {
            rehearsal.skew = faults.clock_skew();
            rehearsal.world.inject(&faults).await.map_err(|error| {
                Error::new(Kind::Refused, error)
                    .hint("give the rehearsal a world of its own: --rehearse-world DIR")
            })?;
        }
        Ok(rehearsal)
    }

    async fn enter(options: &Options) -> Result<Self> {
        let hint = "give the rehearsal a world of its own: --rehearse-world DIR";
        if let Some(url) = options
            .world
            .as_deref()
            .filter(|world| world.starts_with("http://"))
        {
            let world = World::attach(url).await.map_err(|error| {
                Error::new(
                    Kind::Refused,
                    error.context(format!("cannot attach to the world at {url}")),
                )
                .hint("start one: windlass rehearse serve")
            })?;
            return Ok(Self {
                world,
                location: url.to_owned(),
                skew: SignedDuration::ZERO,
            });
        }
        let folder = match &options.world {
            Some(folder) => std::path::absolute(folder).map_err(|error| {
                Error::new(
                    Kind::Refused,
                    anyhow::Error::new(error).context(format!("cannot find {folder}")),
                )
            })?,
            None => default_world()?,
        };
        let world = World::open(&folder, options.speed).await.map_err(|error| {
            let context = format!("cannot open the rehearsal's world in {}", folder.display());
            Error::new(Kind::Refused, error.context(context)).hint(hint)
        })?;
        Ok(Self {
            world,
            location: folder.display().to_string(),
            skew: SignedDuration::ZERO,
        })
    }

    /// Returns the folder or URL that another process names to find this world.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Returns where the world listens, for programs that stand in for others.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.world.endpoint().to_string()
    }

    /// Returns where a simulated cloud listens, in place of all its services.
    #[must_use]
    pub fn cloud(&self, name: &str) -> String {
        let endpoint = self.endpoint();
        let host = endpoint.split('/').nth(2).unwrap_or_default();
        format!("http://{host}/{name}")
    }

    /// Returns this machine's clock, which goes with the world's.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SimulatedClock(self.world.clock().ahead_by(self.skew)))
    }

    /// Returns the URL of the stand-in for a component's manifest.
    #[must_use]
    pub fn manifest(&self, component: &str, version: &str) -> String {
        self.world.manifest(component, &format!("v{version}"))
    }

    /// Returns the URL under which stand-ins for registries and repositories are.
    #[must_use]
    pub fn registries(&self) -> String {
        self.world.registries()
    }

    /// Lets there be a Git repository of whose content nothing is known, unless the world has one of that URL; returns whether it
    /// had none.
    ///
    /// # Errors
    /// The world does not answer.
    pub async fn assume_repository(&self, url: &str) -> Result<bool> {
        let assumed = self.world.assume_repository(url).await;
        assumed.map_err(|error| Error::new(Kind::Refused, error))
    }

    /// Returns the addresses of the name of a load balancer, as name servers would tell them; none, where it is not known.
    ///
    /// # Errors
    /// The world does not answer.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>> {
        let resolved = self.world.resolve(name).await;
        resolved.map_err(|error| Error::new(Kind::Refused, error))
    }

    /// Lets there be a project of Google Cloud, as it is before a rehearsal begins, unless the world has one of that id.
    ///
    /// # Errors
    /// The world does not answer.
    pub async fn assume_project(&self, id: &str) -> Result<()> {
        let assumed = self.world.assume_project(id).await;
        assumed.map_err(|error| Error::new(Kind::Refused, error))
    }

    /// Lets the clusters of the world have load balancers, from now on.
    ///
    /// # Errors
    /// The world does not answer.
    pub async fn give_load_balancers(&self) -> Result<()> {
        let given = self.world.give_load_balancers().await;
        given.map_err(|error| Error::new(Kind::Refused, error))
    }

    /// Returns the beginning of the command line that stands in for a program: this binary.
    ///
    /// # Errors
    /// Where the binary cannot be found.
    pub fn stand_in(&self, program: &str) -> Result<Vec<OsString>> {
        let own = std::env::current_exe().map_err(|error| {
            let source = anyhow::Error::new(error).context("cannot find windlass's own program");
            Error::new(Kind::Refused, source)
        })?;
        Ok(vec![
            own.into(),
            "rehearse".into(),
            "program".into(),
            program.into(),
        ])
    }

    /// Returns the variables by which a stand-in finds this world.
    #[must_use]
    pub fn stand_in_variables(&self) -> Vec<(OsString, OsString)> {
        vec![("WINDLASS_REHEARSE_ENDPOINT".into(), self.endpoint().into())]
    }

    /// Returns whether this process serves the world; another one does, otherwise.
    #[must_use]
    pub fn serving(&self) -> bool {
        self.world.serving()
    }

    /// Ends the rehearsal: what happened is on disk afterwards.
    pub async fn close(self) {
        self.world.close().await;
    }
}

/// Reads a file of faults.
fn read_faults(path: &Path) -> Result<FaultFile> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let context = format!("cannot read the faults in {shown}");
        Error::new(Kind::Usage, anyhow::Error::new(error).context(context))
            .hint("name a file that is there: --rehearse-faults FILE")
    })?;
    FaultFile::parse(&text).map_err(|mistakes| {
        let mut message = format!("cannot use the faults in {shown}");
        for mistake in &mistakes.0 {
            message.push_str(&format!("\n  {mistake}"));
        }
        Error::usage(message)
    })
}

/// Returns the world of this user: `rehearsal` in windlass's state directory.
fn default_world() -> Result<PathBuf> {
    Ok(files::state_dir(|name| std::env::var_os(name))?.join("rehearsal"))
}

/// The simulated world's clock, as providers see a clock.
#[derive(Clone)]
struct SimulatedClock(WorldClock);

impl fmt::Debug for SimulatedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedClock({})", self.0.now())
    }
}

#[async_trait]
impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }

    async fn reached(&self, at: Timestamp) {
        self.0.reached(at).await;
    }
}
