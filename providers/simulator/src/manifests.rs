//! Stand-ins for manifests that are fetched from the internet: Flux's release manifest.
//!
//! It is made from `manifests/flux.yaml`: the names, groups, versions and resources of the real one, with open schemas.

use crate::blueprint::{self, Item};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The releases that this describes: their versions begin so.
    releases: String,
    objects: Vec<Item>,
}

/// Returns the manifest at a path like `flux/v2.9.4/install.yaml`; `None` where there is no such release.
pub(crate) fn find(path: &str) -> Option<String> {
    let version = path.strip_prefix("flux/")?.strip_suffix("/install.yaml")?;
    let file: File = serde_saphyr::from_str(include_str!("../manifests/flux.yaml")).ok()?;
    let patch = version.strip_prefix(&file.releases)?;
    if patch.is_empty() || !patch.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut text =
        format!("---\n# Flux {version}: a stand-in for rehearsals, not the real manifest.\n");
    for made in blueprint::make(&file.objects, &json!({}), "flux-system").ok()? {
        let mut object = made.object;
        let labels = &mut object["metadata"]["labels"];
        labels["app.kubernetes.io/instance"] = json!("flux-system");
        labels["app.kubernetes.io/part-of"] = json!("flux");
        labels["app.kubernetes.io/version"] = json!(version);
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string::<Value>(&object).ok()?);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::find;
    use serde_json::Value;

    #[test]
    fn the_flux_manifest_is_whole() {
        let text = find("flux/v2.9.4/install.yaml").unwrap();
        let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        let count = |kind: &str| objects.iter().filter(|it| it["kind"] == kind).count();
        assert_eq!(count("Namespace"), 1);
        assert_eq!(count("CustomResourceDefinition"), 15);
        assert_eq!(count("Deployment"), 7);
        assert_eq!(count("NetworkPolicy"), 3);
        assert_eq!(count("ResourceQuota"), 1);
        for object in &objects {
            assert_eq!(
                object["metadata"]["labels"]["app.kubernetes.io/version"],
                "v2.9.4"
            );
        }
    }

    #[test]
    fn only_known_releases_are_there() {
        for path in [
            "flux/v2.8.0/install.yaml",
            "flux/v2.9.x/install.yaml",
            "flux/v2.9./install.yaml",
            "flux/install.yaml",
        ] {
            assert!(find(path).is_none(), "{path}");
        }
    }
}
