//! The machine as kind sees it: the engine that answers, its containers, and what runs in them.

use std::time::Duration;

use windlass_provider::{ClusterName, ClusterSpec, Ctx, Error, Facts, Fault, Result};

use crate::{
    causes,
    command::{self, Ran},
    containers::{self, CLUSTER, Cluster, Container, Inspected},
    engine::{self, Engine, Info},
    programs::{ENGINE_VARIABLE, Program, Programs, advise},
};

/// How long a program that only asks may take.
const ANSWER: Duration = Duration::from_secs(60);

/// An engine that answers, with kind where it is installed.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) engine: Engine,
    program: Program,
    kind: Option<Program>,
    /// Whether programs have [`ANSWER`] to answer and are then given up; see [`Programs::patient`].
    patient: bool,
}

impl Host {
    /// Returns the engine that `wanted` or else the environment names, or the first that is installed and answers. Where
    /// there is no choice, it is not asked: the first question that matters will show whether it answers.
    ///
    /// # Errors
    /// `Unavailable` or `Denied` where none is installed or answers, `Invalid` where the name is none.
    pub(crate) async fn open(programs: &Programs, cx: &Ctx, wanted: Option<&str>) -> Result<Self> {
        match candidates(programs, wanted)?.as_slice() {
            [(engine, program)] => Ok(Self::new(programs, *engine, program.clone())),
            _ => Ok(Self::find(programs, cx, wanted).await?.0),
        }
    }

    /// Returns the same, and what it says about itself.
    pub(crate) async fn find(
        programs: &Programs,
        cx: &Ctx,
        wanted: Option<&str>,
    ) -> Result<(Self, Info)> {
        let mut refusal: Option<Error> = None;
        for (engine, program) in candidates(programs, wanted)? {
            let host = Self::new(programs, engine, program);
            match host.ask(cx).await {
                Ok(info) => return Ok((host, info)),
                Err(error) if ends(&error) => return Err(error),
                Err(error) => {
                    refusal = Some(match refusal {
                        Some(first) => {
                            let first = first.cause(error.message);
                            error.hints.into_iter().fold(first, Error::hint)
                        }
                        None => error,
                    });
                }
            }
        }
        Err(match refusal {
            Some(error) => error,
            // Without an engine there are no clusters of kind's to be reached from here.
            None => Error {
                fault: Fault::NoAccess,
                ..missing(&[absent_engine(programs, wanted)?])
            },
        })
    }

    /// Returns every installed engine that answers, or the one that the environment names.
    ///
    /// # Errors
    /// As [`Host::open`], where none answers.
    pub(crate) async fn all(programs: &Programs, cx: &Ctx) -> Result<Vec<Self>> {
        let candidates = candidates(programs, None)?;
        if candidates.len() < 2 {
            return Ok(vec![Self::open(programs, cx, None).await?]);
        }
        let mut hosts = Vec::new();
        let mut refusals = Vec::new();
        for (engine, program) in candidates {
            let host = Self::new(programs, engine, program);
            match host.ask(cx).await {
                Ok(_) => hosts.push(host),
                Err(error) if ends(&error) => return Err(error),
                Err(error) => {
                    cx.progress
                        .say(format!("{}: clusters in it cannot be seen", error.message));
                    refusals.push(error);
                }
            }
        }
        match refusals.into_iter().next() {
            Some(error) if hosts.is_empty() => Err(error),
            _ => Ok(hosts),
        }
    }

    fn new(programs: &Programs, engine: Engine, program: Program) -> Self {
        let kind = programs.kind();
        Self {
            engine,
            program,
            kind: kind.map(|kind| kind.with(ENGINE_VARIABLE, engine.as_str())),
            patient: programs.patient(),
        }
    }

    async fn ask(&self, cx: &Ctx) -> Result<Info> {
        let ran = self.try_engine(cx, engine::question(self.engine)).await?;
        engine::read(self.engine, &ran)
    }

    /// Returns kind, set to this engine; `Unavailable` where it is not installed.
    pub(crate) fn kind(&self) -> Result<&Program> {
        self.kind.as_ref().ok_or_else(|| missing(&["kind"]))
    }

    /// Runs the engine with `args` and returns what came of it, failed or not.
    ///
    /// # Errors
    /// `Unavailable` where it does not answer in time.
    pub(crate) async fn try_engine(&self, cx: &Ctx, args: &[&str]) -> Result<Ran> {
        self.run(cx, args).await.map_err(|error| {
            if error.fault != Fault::TimedOut || is_over(cx) {
                return error;
            }
            // Our own patience ended, not the caller's: the engine hangs.
            let silent = Error::new(
                Fault::Unavailable,
                format!("{} does not answer", self.engine),
            );
            let hints = causes::how_to_start(self.engine).into_iter();
            hints.fold(silent.cause(error.message), Error::hint)
        })
    }

    async fn run(&self, cx: &Ctx, args: &[&str]) -> Result<Ran> {
        let cx = if self.patient { &cx.within(ANSWER) } else { cx };
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        command::run(cx, &self.program, &args, &|_| {}).await
    }

    /// Runs the engine with `args`; a failure is an error with its known causes and hints.
    pub(crate) async fn engine(&self, cx: &Ctx, args: &[&str]) -> Result<Ran> {
        let ran = self.try_engine(cx, args).await?;
        if ran.succeeded() {
            return Ok(ran);
        }
        let known = causes::know(&ran.stderr, Some(self.engine));
        let message = match known {
            Some(cause) if cause.about_engine => {
                format!("{} is installed but does not answer", self.engine)
            }
            _ => format!("{} failed", self.engine),
        };
        Err(self.explain(&ran, Fault::Failed, message))
    }

    /// Returns the error of a program that failed, with what is known of its cause.
    pub(crate) fn explain(&self, ran: &Ran, fault: Fault, message: impl Into<String>) -> Error {
        match causes::know(&ran.stderr, Some(self.engine)) {
            Some(known) => {
                let error = ran.error(known.fault, message);
                known.hints.into_iter().fold(error, Error::hint)
            }
            None => ran.error(fault, message),
        }
    }

    /// Returns all containers, running or not, that kind made, or those of one cluster.
    async fn kind_containers(&self, cx: &Ctx, cluster: Option<&str>) -> Result<Vec<Container>> {
        let filter = match cluster {
            Some(name) => format!("label={CLUSTER}={name}"),
            None => format!("label={CLUSTER}"),
        };
        self.list(cx, &["--filter", &filter]).await
    }

    /// Returns all containers, running or not, kind's and others'.
    pub(crate) async fn containers(&self, cx: &Ctx) -> Result<Vec<Container>> {
        self.list(cx, &[]).await
    }

    async fn list(&self, cx: &Ctx, filter: &[&str]) -> Result<Vec<Container>> {
        // A container may go between the list and the look at it: then the list is taken again.
        let mut tries = 0;
        loop {
            let mut args = vec!["ps", "-a", "--format", "{{.Names}}"];
            args.extend_from_slice(filter);
            let listed = self.engine(cx, &args).await?.lines();
            // A container with links has several names, with commas between.
            let names = listed.iter().filter_map(|line| line.split(',').next());
            let mut args = vec!["inspect", "--type", "container"];
            args.extend(names);
            if args.len() == 3 {
                return Ok(Vec::new());
            }
            let ran = self.try_engine(cx, &args).await?;
            tries += 1;
            if ran.succeeded() {
                return Ok(containers::read(ran.json::<Vec<Inspected>>()?));
            }
            if tries == 5 || !ran.stderr.to_lowercase().contains("no such") {
                let message = format!("cannot look at {}'s containers", self.engine);
                return Err(self.explain(&ran, Fault::Failed, message));
            }
        }
    }

    /// Returns all of kind's clusters.
    pub(crate) async fn clusters(&self, cx: &Ctx) -> Result<Vec<Cluster>> {
        Ok(containers::group(self.kind_containers(cx, None).await?))
    }

    /// Returns one of kind's clusters.
    pub(crate) async fn cluster(&self, cx: &Ctx, name: &ClusterName) -> Result<Option<Cluster>> {
        let containers = self.kind_containers(cx, Some(name.as_str())).await?;
        let mut clusters = containers::group(containers).into_iter();
        Ok(clusters.find(|cluster| cluster.name == name.as_str()))
    }

    /// Runs a program in a container; that it failed, or did not answer in time, is `None` with its last line.
    pub(crate) async fn exec(
        &self,
        cx: &Ctx,
        container: &str,
        args: &[&str],
    ) -> Result<std::result::Result<Ran, String>> {
        let mut all = vec!["exec", container];
        all.extend_from_slice(args);
        match self.run(cx, &all).await {
            Ok(ran) if ran.succeeded() => Ok(Ok(ran)),
            Ok(ran) => Ok(Err(crate::lines::explain(&ran.stderr)
                .pop()
                .unwrap_or_else(|| "it says nothing".to_owned()))),
            Err(error) if error.fault == Fault::TimedOut && !is_over(cx) => Ok(Err(error.message)),
            Err(error) => Err(error),
        }
    }

    /// Runs kubectl in a control-plane, as kind does; a failure is its last line.
    pub(crate) async fn kubectl(
        &self,
        cx: &Ctx,
        container: &str,
        args: &[&str],
    ) -> Result<std::result::Result<Ran, String>> {
        let mut all = vec!["kubectl", "--kubeconfig=/etc/kubernetes/admin.conf"];
        all.extend_from_slice(args);
        self.exec(cx, container, &all).await
    }
}

/// Whether an error ends everything, whatever else could be tried.
fn ends(error: &Error) -> bool {
    matches!(error.fault, Fault::Cancelled | Fault::TimedOut)
}

/// Whether the caller's own time has run out, or the run was cancelled.
pub(crate) fn is_over(cx: &Ctx) -> bool {
    cx.cancel.is_cancelled() || cx.deadline.is_some_and(|at| cx.clock.now() >= at)
}

/// Returns the engines to try: the one that is named, or all; only those that are installed.
fn candidates(programs: &Programs, wanted: Option<&str>) -> Result<Vec<(Engine, Program)>> {
    let named = wanted.or(programs.engine.as_deref()).map(Engine::parse);
    let engines = match named.transpose()? {
        Some(engine) => vec![engine],
        None => Engine::ALL.to_vec(),
    };
    let installed = engines
        .into_iter()
        .filter_map(|engine| Some((engine, programs.engine(engine)?)));
    Ok(installed.collect())
}

/// Returns the engine to name where none is installed.
fn absent_engine(programs: &Programs, wanted: Option<&str>) -> Result<&'static str> {
    let named = wanted.or(programs.engine.as_deref()).map(Engine::parse);
    Ok(named.transpose()?.unwrap_or(Engine::Docker).as_str())
}

/// Returns the error of programs that are not installed, with how to get each.
fn missing(names: &[&str]) -> Error {
    let message = match names {
        [one] => format!("{one} is not installed"),
        many => format!("{} are not installed", many.join(" and ")),
    };
    let hints = names.iter().flat_map(|name| advise(name));
    hints.fold(Error::new(Fault::Unavailable, message), Error::hint)
}

/// Returns what a plan needs to know of this machine.
pub(crate) async fn facts(programs: &Programs, cx: &Ctx, spec: &ClusterSpec) -> Result<Facts> {
    let wanted = spec.kind.engine.as_deref();
    let kind = programs.kind();
    let no_engine = candidates(programs, wanted)?.is_empty();
    let mut absent = Vec::new();
    if kind.is_none() {
        absent.push("kind");
    }
    if no_engine {
        absent.push(absent_engine(programs, wanted)?);
    }
    let (Some(kind), [], false) = (kind, absent.as_slice(), no_engine) else {
        return Err(missing(&absent));
    };
    let (host, info) = Host::find(programs, cx, wanted).await?;
    let bounded = if host.patient { &cx.within(ANSWER) } else { cx };
    let ran = command::run(bounded, &kind, &["version".to_owned()], &|_| {}).await?;
    if !ran.succeeded() {
        return Err(host.explain(&ran, Fault::Failed, "cannot ask kind for its version"));
    }
    let version = read_version(&ran.text())
        .ok_or_else(|| ran.error(Fault::Failed, "cannot read kind's version"))?;
    let values = [
        ("engine", host.engine.as_str().into()),
        ("engine-version", info.version.clone().into()),
        ("engine-rootless", info.rootless.into()),
        ("engine-root", info.root.clone().into()),
        ("kind-version", version.clone().into()),
    ];
    Ok(Facts {
        identity: format!("{} {}, kind {version}", host.engine, info.version),
        values: values
            .map(|(key, value): (&str, serde_json::Value)| (key.to_owned(), value))
            .into(),
    })
}

/// Reads "kind v0.33.0 go1.27.2 linux/amd64".
fn read_version(text: &str) -> Option<String> {
    let version = text.split_whitespace().nth(1)?.strip_prefix('v')?;
    version
        .starts_with(|c: char| c.is_ascii_digit())
        .then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_version_is_the_second_word() {
        assert_eq!(
            read_version("kind v0.33.0 go1.27.2 linux/amd64\n").as_deref(),
            Some("0.33.0")
        );
        assert_eq!(read_version("kind 0.33"), None);
        assert_eq!(read_version(""), None);
    }
}
