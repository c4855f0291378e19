//! What settings are made from: flags, the environment and `.env`. The process's own environment is neither read nor changed
//! here: the caller hands it over.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fmt,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::anyhow;

use super::{Origin, text::read_text};
use crate::{
    error::{Error, Kind, Result},
    files::dotenv::outside_blocks,
};

/// What the command line says, as it was typed; what is `None` or empty was not. It is parsed here, so that a value is held to
/// the same rules whatever it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--cluster NAME` (`--name` too).
    pub cluster: Option<String>,
    /// `--provider PROVIDER`, or the provider after the command's name.
    pub provider: Option<String>,
    /// `--kubernetes-version VERSION`.
    pub kubernetes_version: Option<String>,
    /// `--min-nodes N`.
    pub min_nodes: Option<String>,
    /// `--max-nodes N`.
    pub max_nodes: Option<String>,
    /// `--node-size SIZE`.
    pub node_size: Option<String>,
    /// `--lifetime DURATION`.
    pub lifetime: Option<String>,
    /// `--http-port PORT`.
    pub http_port: Option<String>,
    /// `--https-port PORT`.
    pub https_port: Option<String>,
    /// `--image IMAGE`: kind's node image.
    pub image: Option<String>,
    /// `--engine ENGINE`: kind's container engine.
    pub engine: Option<String>,
    /// `--region REGION`: AWS's region, or Azure's location.
    pub region: Option<String>,
    /// `--profile NAME`: a profile of AWS's own files.
    pub profile: Option<String>,
    /// `--azure-subscription ID`.
    pub azure_subscription: Option<String>,
    /// `--azure-tenant ID`.
    pub azure_tenant: Option<String>,
    /// `--project ID`: a project of Google Cloud.
    pub project: Option<String>,
    /// `--create-project`: whether it is made.
    pub create_project: bool,
    /// `--billing-account ID`: who pays for a new one.
    pub billing_account: Option<String>,
    /// `--location PLACE`: a region or a zone of Google Cloud.
    pub location: Option<String>,
    /// `--environment NAME`: which of the file's environments.
    pub environment: Option<String>,
    /// `--only COMPONENT…`, with commas or several times.
    pub only: Vec<String>,
    /// `--without COMPONENT…`, with commas or several times.
    pub without: Vec<String>,
    /// `--config FILE`.
    pub config: Option<PathBuf>,
    /// What is said of Git.
    pub gitops: GitOpsFlags,
}

/// What the flags of `gitops sync` say, as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitOpsFlags {
    /// `--url URL`.
    pub url: Option<String>,
    /// `--branch NAME`.
    pub branch: Option<String>,
    /// `--tag NAME`.
    pub tag: Option<String>,
    /// `--commit COMMIT`.
    pub commit: Option<String>,
    /// `--path FOLDER`.
    pub path: Option<String>,
    /// `--interval DURATION`.
    pub interval: Option<String>,
    /// `--prune` and `--no-prune`.
    pub prune: Option<bool>,
    /// `--namespace NAMESPACE`.
    pub namespace: Option<String>,
}

/// All that settings are made from, besides the files.
#[derive(Clone, Default)]
pub struct Inputs {
    /// What the command line says.
    pub flags: Flags,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// The directory in which `windlass.toml` and `.env` lie: the current one.
    pub directory: PathBuf,
    /// Whether the command is about all clusters or none, so that which one is meant need not be clear.
    pub any_cluster: bool,
}

/// The variables of the environment and, behind them, of `.env`. An empty one counts as unset.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables {
    environment: BTreeMap<String, String>,
    dot_env: BTreeMap<String, (String, usize)>,
}

/// How `.env` is shown.
const DOT_ENV: &str = ".env";

impl Variables {
    /// Reads `.env`, where there is one, to stand behind the environment.
    ///
    /// # Errors
    /// It cannot be read, or a line of it cannot be understood: told by number only, since it could hold a secret.
    pub(super) fn read(inputs: &Inputs) -> Result<Self> {
        let shown = Path::new(DOT_ENV);
        let text = read_text(&inputs.directory.join(DOT_ENV), shown)?;
        Ok(Self {
            environment: inputs.environment.clone(),
            dot_env: parse(shown, &text.unwrap_or_default())?,
        })
    }

    /// Returns the value of a variable and where it comes from.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(&str, Origin)> {
        if let Some(value) = self.environment.get(name).filter(|value| !value.is_empty()) {
            return Some((value, Origin::Environment(name.to_owned())));
        }
        let (value, line) = self
            .dot_env
            .get(name)
            .filter(|(value, _)| !value.is_empty())?;
        let origin = Origin::DotEnv {
            path: DOT_ENV.into(),
            line: *line,
            key: name.to_owned(),
        };
        Some((value, origin))
    }
}

impl fmt::Debug for Variables {
    /// Shows the names only: any value could be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variables")
            .field("environment", &self.environment.keys())
            .field("dot_env", &self.dot_env.keys())
            .finish()
    }
}

/// Parses `.env`, but for what windlass itself wrote there. Of two lines with one key the later holds, as in a shell.
fn parse(path: &Path, text: &str) -> Result<BTreeMap<String, (String, usize)>> {
    let mut bytes = outside_blocks(path, text.as_bytes())?;
    // A value with blanks behind it and no line break at all would read as unfinished.
    bytes.push(b'\n');
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let read = Cell::new(0);
    let mut entries = dotenvy::from_read_iter(Lines {
        lines: &lines,
        read: &read,
        rest: &[],
    });
    let mut variables = BTreeMap::new();
    loop {
        let first = read.get();
        let Some(entry) = entries.next() else {
            return Ok(variables);
        };
        // An entry begins in the first line after the last one's that is neither blank nor a comment.
        let skipped = lines[first..]
            .iter()
            .take_while(|line| matches!(line.trim_start().chars().next(), None | Some('#')))
            .count();
        let line = first + skipped + 1;
        let (key, value) = entry.map_err(|_| {
            Error::new(
                Kind::Usage,
                anyhow!("line {line}: neither KEY=VALUE nor export KEY=VALUE, or a quote that does not end")
                    .context(format!("cannot use {}", path.display())),
            )
            .hint("put values with blanks, quotes, # or $ in single quotes: KEY='a value'")
        })?;
        variables.insert(key, (value, line));
    }
}

/// Hands out one line a read, so that how many have been read is known after each entry: dotenvy tells no line numbers.
struct Lines<'a> {
    lines: &'a [&'a str],
    read: &'a Cell<usize>,
    rest: &'a [u8],
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            let Some(line) = self.lines.get(self.read.get()) else {
                return Ok(0);
            };
            self.read.set(self.read.get() + 1);
            self.rest = line.as_bytes();
        }
        self.rest.read(buffer)
    }
}
