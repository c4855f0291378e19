//! Where credentials are looked for, and what gcloud is set to.

use std::{
    env,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::Access;

/// Credentials that were found.
#[derive(Clone)]
pub(super) enum Found {
    /// A file.
    File(PathBuf, Value),
    /// The machine's own, by its metadata server.
    Machine,
}

impl Found {
    /// Returns where they are.
    pub(super) fn place(&self) -> String {
        match self {
            Self::File(path, _) => path.display().to_string(),
            Self::Machine => "the machine's metadata server".to_owned(),
        }
    }
}

/// Returns of which kind the credentials of a file are.
pub(super) fn kind(content: &Value) -> &str {
    content["type"].as_str().unwrap_or_default()
}

/// Returns the value of a variable of the environment, unless it is empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns gcloud's folder.
fn gcloud() -> Option<PathBuf> {
    if let Some(folder) = variable("CLOUDSDK_CONFIG") {
        return Some(folder.into());
    }
    Some(Path::new(&variable("HOME")?).join(".config/gcloud"))
}

/// Looks for credentials where Google's own programs do, the nearest first.
///
/// Source: <https://cloud.google.com/docs/authentication/application-default-credentials>
pub(super) fn look(access: &Access) -> Option<Found> {
    let named = variable("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from);
    let known = gcloud().map(|folder| folder.join("application_default_credentials.json"));
    let named = access.credentials.clone().or(named);
    let path = named.or(known.filter(|path| path.exists()));
    if let Some(path) = path {
        // What cannot be read has no type, and is told so.
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let content = serde_json::from_str(&text).unwrap_or_default();
        return Some(Found::File(path, content));
    }
    let product = std::fs::read_to_string("/sys/class/dmi/id/product_name").unwrap_or_default();
    let machine = variable("GCE_METADATA_HOST").is_some() || product.starts_with("Google");
    machine.then_some(Found::Machine)
}

/// Returns a value of gcloud's active configuration.
pub(super) fn configured(section: &str, key: &str) -> Option<String> {
    let folder = gcloud()?;
    let active = variable("CLOUDSDK_ACTIVE_CONFIG_NAME");
    let active = active.or_else(|| std::fs::read_to_string(folder.join("active_config")).ok());
    let active = active.unwrap_or_else(|| "default".to_owned());
    let file = format!("configurations/config_{}", active.trim());
    let text = std::fs::read_to_string(folder.join(file)).ok()?;
    of_section(&text, section, key)
}

/// Returns the value of a key in a section of an INI file.
fn of_section(text: &str, section: &str, key: &str) -> Option<String> {
    let mut here = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            here = name.trim() == section;
        } else if here
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
            && !value.trim().is_empty()
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gcloud_s_configuration_is_read() {
        let text = "[core]\naccount = a@b\nproject = p-1\n\n[compute]\nzone =\nregion = us-east1\n";
        assert_eq!(of_section(text, "core", "project").as_deref(), Some("p-1"));
        assert_eq!(of_section(text, "compute", "zone"), None);
        assert_eq!(of_section(text, "core", "region"), None);
    }
}
