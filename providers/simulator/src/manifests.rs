//! Stand-ins for manifests that are fetched from the internet: Flux's, and that of the Gateway API's standard channel.
//!
//! They are made from `manifests/`: the names, groups, versions and resources of the real ones, with open schemas.

use crate::blueprint::{self, Item};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The project at GitHub.
    project: String,
    /// The releases that this describes: their versions begin so, and end with a number up to `newest`.
    releases: String,
    newest: u32,
    /// Where its objects go that have a namespace and name none.
    #[serde(default)]
    namespace: String,
    /// Labels and annotations of all objects; `${version}` stands for the release.
    #[serde(default)]
    labels: Map<String, Value>,
    #[serde(default)]
    annotations: Map<String, Value>,
    objects: Vec<Item>,
}

/// The files, by the name in their path.
const FILES: [(&str, &str); 2] = [
    ("flux", include_str!("../manifests/flux.yaml")),
    ("gateway-api", include_str!("../manifests/gateway-api.yaml")),
];

impl File {
    /// Returns the versions that there are, the newest first.
    fn versions(&self) -> impl Iterator<Item = String> {
        let patches = (0..=self.newest).rev();
        patches.map(|patch| format!("{}{patch}", self.releases))
    }
}

/// Returns the releases of a project at GitHub, the newest first; `None` where no manifest here is its.
pub(crate) fn releases(project: &str) -> Option<Vec<String>> {
    let files = FILES.iter().map(|(_, text)| serde_saphyr::from_str(text));
    let file = files
        .filter_map(Result::<File, _>::ok)
        .find(|file| file.project == project)?;
    Some(file.versions().collect())
}

/// Returns the manifest at a path like `flux/v2.9.4/install.yaml`; `None` where there is no such release.
pub(crate) fn find(path: &str) -> Option<String> {
    let (project, rest) = path.split_once('/')?;
    let version = rest.strip_suffix("/install.yaml")?;
    let (_, text) = FILES.iter().find(|(name, _)| *name == project)?;
    let file: File = serde_saphyr::from_str(text).ok()?;
    if !file.versions().any(|known| known == version) {
        return None;
    }
    let mut text =
        format!("---\n# {project} {version}: a stand-in for rehearsals, not the real manifest.\n");
    for made in blueprint::make(&file.objects, &json!({}), &file.namespace).ok()? {
        let mut object = made.object;
        for (field, marks) in [("labels", &file.labels), ("annotations", &file.annotations)] {
            for (key, value) in marks {
                let value = value.as_str()?.replace("${version}", version);
                object["metadata"][field][key] = json!(value);
            }
        }
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
    fn the_gateway_api_is_the_standard_channel() {
        let text = find("gateway-api/v1.5.1/install.yaml").unwrap();
        let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        assert_eq!(objects.len(), 8);
        for object in &objects {
            assert_eq!(object["kind"], "CustomResourceDefinition");
            let annotations = &object["metadata"]["annotations"];
            assert_eq!(annotations["gateway.networking.k8s.io/channel"], "standard");
            assert_eq!(
                annotations["gateway.networking.k8s.io/bundle-version"],
                "v1.5.1"
            );
        }
    }

    #[test]
    fn only_known_releases_are_there() {
        for path in [
            "flux/v2.8.0/install.yaml",
            "flux/v2.9.x/install.yaml",
            "flux/v2.9./install.yaml",
            "flux/v2.9.5/install.yaml",
            "flux/v2.9.04/install.yaml",
            "flux/install.yaml",
            "gateway-api/v1.4.0/install.yaml",
            "fluxx/v2.9.4/install.yaml",
        ] {
            assert!(find(path).is_none(), "{path}");
        }
    }
}
