//! Publishing a package of Crossplane: its compositions are made from KCL, and it is built and pushed, by the programs `kcl` and
//! `crossplane`.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Stdio,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use windlass_provider::{Ctx, Error, Exchange, Fault, Program, Result};

use super::story;
use crate::files::{Mode, atomic};

/// How much of what a program says is told, in lines.
const TOLD: usize = 10;

/// What is to be published.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The package's name: of its file.
    pub package: String,
    /// The files in `kcl/`, without `.k`, each of which makes a file of the package.
    pub sources: Vec<String>,
    /// The folder of the package: in it is `crossplane.yaml`.
    pub root: PathBuf,
    /// Where it goes, and its version behind a colon: `xpkg.upbound.io/acme/dot-sql:v1.0.0`.
    pub reference: String,
    /// The manifest of a Configuration whose `spec.package` becomes the reference; `None`: none.
    pub update: Option<PathBuf>,
    /// Who we are to the registry; `None`: as docker's own configuration says.
    pub login: Option<Login>,
}

/// Who somebody is to a registry.
#[derive(Clone)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({})", self.user)
    }
}

/// What was published.
#[derive(Clone, Debug, Serialize)]
pub struct Published {
    /// Where the package is, with its version.
    pub reference: String,
    /// The files that were made from KCL.
    pub generated: Vec<PathBuf>,
    /// The manifest that names it now.
    pub updated: Option<PathBuf>,
}

/// The programs that it takes.
#[derive(Debug)]
pub struct PublishPrograms(BTreeMap<&'static str, PathBuf>);

impl Publication {
    /// Looks at the files, and finds the programs on `path`, the value of PATH. Changes nothing.
    ///
    /// # Errors
    /// All that is missing: [`Fault::Unavailable`] for programs, [`Fault::Invalid`] for files.
    pub fn prepare(&self, path: &OsStr) -> Result<PublishPrograms> {
        check_reference(&self.reference)?;
        let manifest = self.root.join("crossplane.yaml");
        if !manifest.is_file() {
            return Err(Error::new(
                Fault::Invalid,
                format!(
                    "{} is no package: it has no crossplane.yaml",
                    self.root.display()
                ),
            )
            .hint("name the folder of the package: --package-root DIR"));
        }
        for source in &self.sources {
            let file = source_file(source);
            if !file.is_file() {
                return Err(
                    Error::new(Fault::Invalid, format!("there is no {}", file.display())).hint(
                        "name the sources in kcl/: --sources compositions; or none: --sources ''",
                    ),
                );
            }
        }
        if let Some(update) = &self.update {
            rewrite(update, &self.reference)?;
        }
        let names = ["kcl", "crossplane"];
        let wanted = names.into_iter().skip(usize::from(self.sources.is_empty()));
        let here = std::env::current_dir().unwrap_or_default();
        let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
        for name in wanted {
            match which::which_in(name, Some(path), &here) {
                Ok(at) => drop(found.insert(name, at)),
                Err(_) => missing.push(name),
            }
        }
        if missing.is_empty() {
            return Ok(PublishPrograms(found));
        }
        let error = Error::new(
            Fault::Unavailable,
            format!("not installed, or not on PATH: {}", missing.join(", ")),
        );
        let hint = |name: &&str| match *name {
            "kcl" => {
                "kcl: https://www.kcl-lang.io/docs/user_docs/getting-started/install, or devbox add kcl"
            }
            _ => "crossplane: https://docs.crossplane.io/latest/cli, or devbox add crossplane-cli",
        };
        Err(missing.iter().map(hint).fold(error, Error::hint))
    }

    /// Returns what is done, a line each, as it would be typed; what no program does is a comment.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let file = Path::new(&self.package).with_extension("xpkg");
        let made = self.sources.iter().map(|source| {
            let words = generate(source);
            format!(
                "kcl {} > {}",
                words.join(" "),
                self.target(source).display()
            )
        });
        let packed = [self.build(&file), self.push(&file)];
        let updated = self.update.iter();
        made.chain(packed.map(|words| format!("crossplane {}", words.join(" "))))
            .chain(updated.map(|path| {
                format!(
                    "# spec.package in {} becomes {}",
                    path.display(),
                    self.reference
                )
            }))
            .collect()
    }

    fn target(&self, source: &str) -> PathBuf {
        self.root.join(source).with_extension("yaml")
    }

    fn build(&self, file: &Path) -> Vec<String> {
        let root = format!("--package-root={}", self.root.display());
        let file = format!("--package-file={}", file.display());
        vec!["xpkg".into(), "build".into(), root, file]
    }

    fn push(&self, file: &Path) -> Vec<String> {
        let file = format!("--package-files={}", file.display());
        vec!["xpkg".into(), "push".into(), file, self.reference.clone()]
    }

    /// Makes the compositions, builds the package and pushes it; then the manifest names it.
    ///
    /// # Errors
    /// A program fails: with its last words; a file cannot be read or written.
    pub async fn publish(&self, cx: &Ctx, programs: &PublishPrograms) -> Result<Published> {
        let run = |name: &'static str, words: Vec<String>, config: Option<PathBuf>| {
            let program = programs.0.get(name).cloned();
            run(cx, name, program, words, config)
        };
        let mut generated = Vec::new();
        for source in &self.sources {
            let text = run("kcl", generate(source), None).await?;
            let target = self.target(source);
            if text.iter().all(u8::is_ascii_whitespace) {
                return Err(Error::new(
                    Fault::Failed,
                    format!("{} makes nothing", source_file(source).display()),
                ));
            }
            atomic::write(&target, Mode::Shared, &text).map_err(story)?;
            generated.push(target);
        }
        let folder = TempDir::new().map_err(|error| {
            Error::new(Fault::Failed, "cannot make a folder for the package")
                .cause(error.to_string())
        })?;
        let file = folder.path().join(&self.package).with_extension("xpkg");
        run("crossplane", self.build(&file), None).await?;
        let config = match &self.login {
            Some(login) => Some(write_login(folder.path(), &self.reference, login)?),
            None => None,
        };
        let pushed = run("crossplane", self.push(&file), config).await;
        pushed.map_err(|error| {
            let host = host_of(&self.reference);
            error.hint(format!(
                "where the registry wants to know who you are: docker login {host}"
            ))
        })?;
        if let Some(path) = &self.update {
            let text = rewrite(path, &self.reference)?;
            atomic::write(path, Mode::Shared, text.as_bytes()).map_err(story)?;
        }
        Ok(Published {
            reference: self.reference.clone(),
            generated,
            updated: self.update.clone(),
        })
    }
}

fn source_file(source: &str) -> PathBuf {
    Path::new("kcl").join(source).with_extension("k")
}

fn generate(source: &str) -> Vec<String> {
    vec!["run".into(), source_file(source).display().to_string()]
}

fn host_of(reference: &str) -> &str {
    reference.split_once('/').map_or("", |(host, _)| host)
}

/// Checks that a reference names its registry, as Crossplane 2 wants it, and a version.
///
/// The forms are those of the OCI distribution specification: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>.
fn check_reference(reference: &str) -> Result<()> {
    let wrong = |what: &str| {
        Error::new(Fault::Invalid, format!("cannot publish as {reference}: {what}"))
            .hint("say where it goes and as which version: --repository xpkg.upbound.io/acme/dot-sql --version v1.0.0")
    };
    let (repository, tag) = match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => return Err(wrong("it has no version")),
    };
    let word = |text: &str, more: &str| {
        text.bytes()
            .all(|c| c.is_ascii_alphanumeric() || more.as_bytes().contains(&c))
    };
    if tag.is_empty() || tag.len() > 128 || tag.starts_with(['.', '-']) || !word(tag, "_.-") {
        return Err(wrong("the version is letters, digits, _, . and -"));
    }
    let host = host_of(repository);
    if !(host.contains(['.', ':']) || host == "localhost") {
        return Err(wrong("it must begin with the registry's host"));
    }
    let path = repository.strip_prefix(host).unwrap_or_default();
    let mut parts = path.split('/').skip(1);
    let lower = |part: &str| {
        !part.is_empty() && word(part, "_.-") && !part.bytes().any(|c| c.is_ascii_uppercase())
    };
    if !parts.all(lower) {
        return Err(wrong(
            "the repository is lower-case letters, digits, _, . and -, between slashes",
        ));
    }
    Ok(())
}

/// Writes a configuration of docker that knows the one registry, and returns its folder, which goes with the other.
fn write_login(folder: &Path, reference: &str, login: &Login) -> Result<PathBuf> {
    let pair = BASE64_STANDARD.encode(format!("{}:{}", login.user, login.token));
    let config = json!({ "auths": { host_of(reference): { "auth": pair } } });
    let home = folder.join("docker");
    atomic::create_folder(&home).map_err(story)?;
    let path = home.join("config.json");
    atomic::write(&path, Mode::Private, config.to_string().as_bytes()).map_err(story)?;
    Ok(home)
}

/// Returns the manifest with `reference` as its `spec.package`; every other byte stays.
fn rewrite(path: &Path, reference: &str) -> Result<String> {
    let shown = path.display();
    let wrong = |why: String| {
        Error::new(
            Fault::Invalid,
            format!("cannot set spec.package in {shown}"),
        )
        .cause(why)
        .hint("name the manifest of the Configuration, or none: --update ''")
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let object: Value =
        serde_saphyr::from_str(&text).map_err(|_| wrong("it is not one object in YAML".into()))?;
    let Some(package) = object["spec"]["package"].as_str() else {
        return Err(wrong("it has none".into()));
    };
    let holds = |line: &&str| {
        let value = line.trim_start().strip_prefix("package:");
        value.is_some_and(|value| {
            value
                .split(" #")
                .next()
                .unwrap_or_default()
                .trim()
                .trim_matches(['"', '\''])
                == package
        })
    };
    let mut lines = text.split_inclusive('\n').filter(holds);
    match (lines.next(), lines.next()) {
        (Some(line), None) => Ok(text.replacen(line, &line.replacen(package, reference, 1), 1)),
        _ => Err(wrong(format!(
            "{package} does not stand on one line of its own"
        ))),
    }
}

/// Runs a program, and returns what it printed.
async fn run(
    cx: &Ctx,
    name: &str,
    program: Option<PathBuf>,
    words: Vec<String>,
    docker: Option<PathBuf>,
) -> Result<Vec<u8>> {
    let argv: Vec<String> = std::iter::once(name.to_owned()).chain(words).collect();
    let line = argv.join(" ");
    cx.progress.say(&line);
    let began = cx.clock.now();
    let unstartable =
        |why: String| Error::new(Fault::Unavailable, format!("cannot run \"{line}\"")).cause(why);
    let program = program.ok_or_else(|| unstartable(format!("{name} was not found")))?;
    let mut command = tokio::process::Command::new(program);
    command
        .args(&argv[1..])
        .envs(docker.map(|home| ("DOCKER_CONFIG", home)))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let work = async {
        command
            .output()
            .await
            .map_err(|error| unstartable(error.to_string()))
    };
    let ended = cx.bound(&line, work).await?;
    let said = String::from_utf8_lossy(&ended.stderr);
    let took = cx.clock.now().duration_since(began);
    cx.trace.tell(&Exchange::Program(Program {
        at: began,
        took: took.try_into().unwrap_or_default(),
        argv: &argv,
        exit: ended.status.code(),
        printed: ended.stdout.len(),
        said: &said,
    }));
    if ended.status.success() {
        return Ok(ended.stdout);
    }
    let printed = String::from_utf8_lossy(&ended.stdout);
    let told = [&said, &printed]
        .into_iter()
        .find(|it| !it.trim().is_empty());
    let lines: Vec<&str> = told.map_or("", |it| it.trim()).lines().collect();
    let last = &lines[lines.len().saturating_sub(TOLD)..];
    let error = Error::new(
        Fault::Failed,
        format!("\"{line}\" ended with {}", ended.status),
    );
    Err(last.iter().copied().fold(error, Error::cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_its_registry_and_a_version() {
        for good in [
            "xpkg.upbound.io/acme/dot-sql:v1.0.0",
            "localhost:5000/a/b:1",
        ] {
            assert!(check_reference(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("xpkg.upbound.io/acme/dot-sql", "it has no version"),
            ("localhost:5000/a", "it has no version"),
            ("acme/dot-sql:v1", "it must begin with the registry's host"),
            (
                "xpkg.upbound.io/acme/dot-sql:v 1",
                "the version is letters, digits, _, . and -",
            ),
            ("xpkg.upbound.io/Acme/x:v1", "lower-case"),
            ("xpkg.upbound.io//x:v1", "lower-case"),
        ] {
            let error = check_reference(bad).unwrap_err();
            assert!(error.message.contains(why), "{bad}: {}", error.message);
        }
    }

    #[test]
    fn a_manifest_names_another_package_and_keeps_every_other_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        let manifest = |package: &str| {
            format!(
                "# ours\nkind: Configuration\nmetadata: {{ name: x }}\nspec:\n  package: {package} # the newest\n"
            )
        };
        for old in ["a.io/b/c:v1", "\"a.io/b/c:v1\""] {
            std::fs::write(&path, manifest(old)).unwrap();
            let new = rewrite(&path, "a.io/b/c:v2").unwrap();
            assert_eq!(new, manifest(&old.replace("v1", "v2")));
        }
        for wrong in [
            "spec: {}",
            "spec: [",
            "spec:\n  package: >-\n    a.io/b/c:v1\n",
        ] {
            std::fs::write(&path, wrong).unwrap();
            assert_eq!(
                rewrite(&path, "a.io/b/c:v2").unwrap_err().fault,
                Fault::Invalid,
                "{wrong}"
            );
        }
    }
}
