//! Kubeconfig files as kind writes them: merged under a lock file, entries replaced by name.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

/// The variables of the program.
type Variables = BTreeMap<String, String>;

const LISTS: [&str; 3] = ["clusters", "contexts", "users"];

/// Merges `config` into the file at `path`, or into the one that kubectl would use, and makes its context the current one.
pub(super) fn merge(path: Option<&str>, env: &Variables, config: &Value) -> Result<()> {
    let paths = candidates(path, env);
    let chosen = paths.iter().find(|path| path.exists()).or(paths.last());
    let path = chosen.context("no kubeconfig is named and HOME is not set")?;
    change(path, |known| {
        for list in LISTS {
            for entry in config[list].as_array().into_iter().flatten() {
                remove(known, list, entry["name"].as_str().unwrap_or_default());
                match known[list].as_array_mut() {
                    Some(entries) => entries.push(entry.clone()),
                    None => known[list] = json!([entry]),
                }
            }
        }
        known["current-context"] = config["current-context"].clone();
    })
}

/// Removes the entries called `name` from the file at `path`, or from all that kubectl would read.
pub(super) fn prune(path: Option<&str>, env: &Variables, name: &str) -> Result<()> {
    for path in candidates(path, env).iter().filter(|path| path.exists()) {
        change(path, |known| {
            for list in LISTS {
                remove(known, list, name);
            }
            if known["current-context"] == name {
                known["current-context"] = json!("");
            }
        })?;
    }
    Ok(())
}

fn remove(config: &mut Value, list: &str, name: &str) {
    if let Some(entries) = config[list].as_array_mut() {
        entries.retain(|entry| entry["name"] != name);
    }
}

fn candidates(path: Option<&str>, env: &Variables) -> Vec<PathBuf> {
    if let Some(path) = path {
        return vec![path.into()];
    }
    let listed: Vec<PathBuf> = env
        .get("KUBECONFIG")
        .map(|list| {
            std::env::split_paths(list)
                .filter(|path| !path.as_os_str().is_empty())
                .collect()
        })
        .unwrap_or_default();
    if !listed.is_empty() {
        return listed;
    }
    let home = env
        .get("HOME")
        .map(|home| Path::new(home).join(".kube/config"));
    home.into_iter().collect()
}

fn change(path: &Path, change: impl FnOnce(&mut Value)) -> Result<()> {
    let name = path.display();
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let _lock = Lock::take(path)?;
    let mut config = match fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => serde_saphyr::from_str(&text)
            .with_context(|| format!("failed to load kubeconfig {name}"))?,
        Ok(_) => json!({}),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => json!({}),
        Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
    };
    if config.is_null() {
        config = json!({});
    }
    if !config.is_object() {
        bail!("failed to load kubeconfig {name}: it is no mapping");
    }
    if config["kind"].is_null() {
        config["apiVersion"] = json!("v1");
        config["kind"] = json!("Config");
    }
    change(&mut config);
    let text = serde_saphyr::to_string(&config).with_context(|| format!("cannot write {name}"))?;
    let mut file = tempfile::NamedTempFile::new_in(dir)
        .with_context(|| format!("cannot write beside {name}"))?;
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write {name}"))?;
    file.persist(path)
        .with_context(|| format!("cannot replace {name}"))?;
    Ok(())
}

/// The lock file that kind and kubectl use.
struct Lock(PathBuf);

impl Lock {
    fn take(path: &Path) -> Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        File::create_new(&path).with_context(|| {
            format!(
                "failed to lock config file: cannot create {}",
                path.display()
            )
        })?;
        Ok(Self(path))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A lock that stays is named by the next who wants it.
        let _ = fs::remove_file(&self.0);
    }
}
