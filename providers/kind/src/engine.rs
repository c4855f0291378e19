//! Container engines: what they are called and how they say that they are there.

use std::fmt;

use serde::{Deserialize, Serialize};
use windlass_provider::{Error, Fault, Result};

use crate::{causes, command::Ran};

/// A container engine that kind can drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Docker, and what speaks like it.
    Docker,
    /// Podman.
    Podman,
    /// nerdctl, over containerd.
    Nerdctl,
}

impl Engine {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Docker, Self::Podman, Self::Nerdctl];

    /// Returns the name of its program, by which users and kind call it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Nerdctl => "nerdctl",
        }
    }

    /// Reads an engine's name.
    ///
    /// # Errors
    /// `Invalid`, with the allowed names.
    pub(crate) fn parse(name: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|engine| engine.as_str() == name);
        known.ok_or_else(|| {
            Error::new(
                Fault::Invalid,
                format!("\"{name}\" is not a container engine that windlass can use"),
            )
            .hint("choose docker, podman or nerdctl: engine in [clusters.NAME.kind] of windlass.toml, or KIND_EXPERIMENTAL_PROVIDER")
        })
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an engine says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Info {
    /// Its version: "28.2.2".
    pub(crate) version: String,
    /// Whether it runs without root's rights, so that low ports may be closed to it.
    pub(crate) rootless: bool,
    /// Where it keeps images and containers, on the machine that it runs on.
    pub(crate) root: String,
}

/// Returns the arguments with which an engine is asked whether it runs.
pub(crate) fn question(engine: Engine) -> &'static [&'static str] {
    match engine {
        Engine::Docker | Engine::Nerdctl => &["info", "--format", "{{json .}}"],
        Engine::Podman => &["info", "--format", "json"],
    }
}

/// Reads the answer.
///
/// # Errors
/// `Unavailable` or `Denied` where it does not run, with how to start it.
pub(crate) fn read(engine: Engine, ran: &Ran) -> Result<Info> {
    let said: Said = serde_json::from_str(&ran.text()).unwrap_or_default();
    let info = said.info(engine);
    if ran.succeeded() && !info.version.is_empty() {
        return Ok(info);
    }
    let text = format!("{}\n{}", ran.stderr, said.server_errors.join("\n"));
    let known = causes::know(&text, Some(engine)).filter(|known| known.about_engine);
    let (fault, hints) = known.map_or_else(
        || (Fault::Unavailable, causes::how_to_start(engine)),
        |known| (known.fault, known.hints),
    );
    let error = ran.error(fault, format!("{engine} is installed but does not answer"));
    Err(hints.into_iter().fold(error, Error::hint))
}

/// The part of `info` that is read here; docker's and nerdctl's form, and podman's.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    #[serde(rename = "ServerVersion")]
    server_version: String,
    #[serde(rename = "DockerRootDir")]
    docker_root: String,
    #[serde(
        rename = "SecurityOptions",
        deserialize_with = "crate::containers::absent"
    )]
    security: Vec<String>,
    #[serde(
        rename = "ServerErrors",
        deserialize_with = "crate::containers::absent"
    )]
    server_errors: Vec<String>,
    version: PodmanVersion,
    host: PodmanHost,
    store: PodmanStore,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodmanVersion {
    #[serde(rename = "Version")]
    version: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodmanHost {
    security: PodmanSecurity,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodmanSecurity {
    rootless: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodmanStore {
    #[serde(rename = "graphRoot")]
    root: String,
}

impl Said {
    fn info(&self, engine: Engine) -> Info {
        match engine {
            Engine::Podman => Info {
                version: self.version.version.clone(),
                rootless: self.host.security.rootless,
                root: self.store.root.clone(),
            },
            Engine::Docker | Engine::Nerdctl => Info {
                version: self.server_version.clone(),
                rootless: self
                    .security
                    .iter()
                    .any(|option| option.contains("rootless")),
                root: self.docker_root.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_says_its_version_in_its_own_form() {
        let docker: Said = serde_json::from_str(
            r#"{"ServerVersion":"28.2.2","DockerRootDir":"/var/lib/docker","SecurityOptions":["name=rootless"],"ServerErrors":null}"#,
        )
        .unwrap();
        assert_eq!(
            docker.info(Engine::Docker),
            Info {
                version: "28.2.2".into(),
                rootless: true,
                root: "/var/lib/docker".into()
            }
        );
        let podman: Said = serde_json::from_str(
            r#"{"host":{"security":{"rootless":false},"arch":"amd64"},"store":{"graphRoot":"/c"},"version":{"APIVersion":"5.4","Version":"5.4.1"}}"#,
        )
        .unwrap();
        assert_eq!(podman.info(Engine::Podman).version, "5.4.1");
        // The package podman-docker installs podman under docker's name: it is no docker.
        assert_eq!(podman.info(Engine::Docker).version, "");
    }

    #[test]
    fn an_unknown_engine_is_refused_with_the_choices() {
        let error = Engine::parse("rkt").unwrap_err();
        assert_eq!(error.fault, Fault::Invalid);
        assert!(error.hints[0].contains("docker, podman or nerdctl"));
    }
}
