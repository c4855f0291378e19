//! Kubeconfig files: windlass's own, and the user's, into which its entries are merged and from which only they are removed.
//!
//! An entry carries no lasting credential: its user is an exec plugin that asks windlass for a short-lived one, or has a token that
//! ends by itself. What is ours is known by
//! an extension in the entry itself, not by its name. All else in a user's file stays as it is, to the byte where the file's
//! style allows; a file that cannot be read is left alone. Format: <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/>

mod document;
mod edit;
mod file;
#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use windlass_provider::{Change, Ctx, Error, Fault, Result};

/// The name of the extension that marks what is ours.
const MARK: &str = "windlass";

/// What windlass writes of one cluster: a cluster, a user and a context, all of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name of the three.
    pub name: String,
    /// The name of the windlass cluster: the mark by which `remove` finds them.
    pub cluster: String,
    /// The server's URL.
    pub server: String,
    /// The certificate authority, PEM.
    pub certificate_authority: Option<String>,
    /// The name that the server's certificate carries, where it is not the URL's.
    pub tls_server_name: Option<String>,
    /// The namespace of the context, where it is not the default one.
    pub namespace: Option<String>,
    /// Who one is.
    pub credential: Credential,
}

/// Who one is to the cluster.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A program that prints a short-lived credential each time.
    Program {
        /// The program: windlass itself.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// What the user is told where the program is missing.
        install_hint: String,
    },
    /// A token that ends by itself, for those who have no windlass.
    Token(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Program { command, args, .. } => write!(f, "Program({command} {args:?})"),
            Self::Token(_) => f.write_str("Token(…)"),
        }
    }
}

impl Entry {
    /// Returns the entry as a kubeconfig of its own, with its context as the current one.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let document = document::with(&document::empty(), self, true)
            .expect("an empty kubeconfig has no entry that this one could clash with");
        edit::render(&document)
    }

    fn mark(&self) -> Value {
        json!([{ "name": MARK, "extension": { "cluster": self.cluster } }])
    }

    /// Returns the entry's parts: each section of a kubeconfig with the item that goes there.
    fn items(&self) -> [(&'static str, Value); 3] {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let mut cluster = json!({ "server": self.server });
        if let Some(pem) = &self.certificate_authority {
            cluster["certificate-authority-data"] = BASE64_STANDARD.encode(pem).into();
        }
        if let Some(name) = &self.tls_server_name {
            cluster["tls-server-name"] = name.as_str().into();
        }
        cluster["extensions"] = self.mark();
        let mut context = json!({ "cluster": self.name, "user": self.name });
        if let Some(namespace) = &self.namespace {
            context["namespace"] = namespace.as_str().into();
        }
        context["extensions"] = self.mark();
        let user = match &self.credential {
            Credential::Program {
                command,
                args,
                install_hint,
            } => json!({
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": command,
                    "args": args,
                    "installHint": install_hint,
                    "interactiveMode": "Never",
                    "provideClusterInfo": false,
                },
                "extensions": self.mark(),
            }),
            Credential::Token(token) => json!({ "token": token, "extensions": self.mark() }),
        };
        let name = &self.name;
        [
            ("clusters", json!({ "name": name, "cluster": cluster })),
            ("contexts", json!({ "name": name, "context": context })),
            ("users", json!({ "name": name, "user": user })),
        ]
    }
}

/// Writes a kubeconfig of windlass's own: 0600, atomically, replacing what was there.
///
/// # Errors
/// [`Fault::Unavailable`] where the file cannot be written, naming it.
pub fn write(path: &Path, entry: &Entry) -> Result<()> {
    file::write(path, &entry.to_yaml())
}

/// Merges an entry into a kubeconfig, which is made where it is missing; an entry of ours for that cluster is replaced. The
/// current context changes only if `make_current`.
///
/// # Errors
/// [`Fault::Conflict`] where an entry of that name is not ours, or the file stays locked; [`Fault::Invalid`] where the file
/// cannot be read as a kubeconfig. The file is untouched then.
pub async fn merge(cx: &Ctx, path: &Path, entry: &Entry, make_current: bool) -> Result<Change> {
    let _lock = file::lock(cx, path).await?;
    let text = file::read(path)?;
    let before = document::parse(path, text.as_deref().unwrap_or_default())?;
    let after = document::with(&before, entry, make_current).map_err(|clash| {
        Error::new(
            Fault::Conflict,
            format!("cannot merge into {}", path.display()),
        )
        .cause(clash)
        .hint("rename or remove that entry, or choose another file with KUBECONFIG")
    })?;
    save(path, text.as_deref(), &before, &after)
}

/// Removes windlass's entries of a cluster from a kubeconfig, and nothing else; the current context is cleared if it was one of
/// them. A file that is missing, or has none, is left alone.
///
/// # Errors
/// As those of [`merge`].
pub async fn remove(cx: &Ctx, path: &Path, cluster: &str) -> Result<Change> {
    if file::read(path)?.is_none() {
        return Ok(Change::Absent);
    }
    let _lock = file::lock(cx, path).await?;
    let Some(text) = file::read(path)? else {
        return Ok(Change::Absent);
    };
    let before = document::parse(path, &text)?;
    let after = document::without(&before, cluster);
    Ok(match save(path, Some(&text), &before, &after)? {
        Change::Unchanged => Change::Absent,
        _ => Change::Removed,
    })
}

/// Returns the user's kubeconfig: the first file that KUBECONFIG names, else `~/.kube/config`. `variable` reads the environment.
///
/// # Errors
/// [`Fault::Unavailable`] where neither KUBECONFIG nor HOME is set.
pub fn default_path(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let named = variable("KUBECONFIG")
        .and_then(|list| std::env::split_paths(&list).find(|path| !path.as_os_str().is_empty()));
    if let Some(path) = named {
        return Ok(path);
    }
    match variable("HOME").filter(|home| !home.is_empty()) {
        Some(home) => Ok(Path::new(&home).join(".kube/config")),
        None => Err(Error::new(
            Fault::Unavailable,
            "cannot tell which kubeconfig is yours: neither KUBECONFIG nor HOME is set",
        )
        .hint("set KUBECONFIG to the file")),
    }
}

fn save(path: &Path, text: Option<&str>, before: &Value, after: &Value) -> Result<Change> {
    if text.is_some() && before == after {
        return Ok(Change::Unchanged);
    }
    // What is written must say what is meant: a style that the edit did not foresee must not cost an entry.
    let means = |new: &String| document::parse(path, new).is_ok_and(|document| document == *after);
    let new = edit::edit(text.unwrap_or_default(), before, after).find(means);
    let Some(new) = new else {
        return Err(
            Error::new(Fault::Invalid, format!("cannot edit {}", path.display()))
                .cause("its YAML has a style that windlass cannot keep")
                .hint("bring it into the usual style: kubectl config view --raw --flatten"),
        );
    };
    file::replace(path, &new)?;
    Ok(if text.is_some() {
        Change::Updated
    } else {
        Change::Made
    })
}
