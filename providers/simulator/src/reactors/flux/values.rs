//! The values of a release: those that `valuesFrom` names, in order, and `values` over them.

use super::Cx;
use crate::{
    charts::merge,
    reactors::object::{namespace, text},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

/// Returns the values, or why they cannot be had, worded as helm-controller does.
pub(super) fn compose(cx: &Cx<'_>, release: &Value) -> Result<Value, String> {
    let mut values = json!({});
    for reference in release["spec"]["valuesFrom"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let (kind, name) = (text(reference, "kind"), text(reference, "name"));
        let key = reference["valuesKey"].as_str().unwrap_or("values.yaml");
        let found = match cx.get("", kind, namespace(release), name) {
            Some(found) => read(&found, kind, key),
            None => Err(format!("{}s \"{name}\" not found", kind.to_lowercase())),
        };
        let found = match found {
            Ok(found) => found,
            Err(_) if reference["optional"] == true => continue,
            Err(cause) => {
                let shown = format!("{}/{name}", namespace(release));
                return Err(format!(
                    "could not resolve {kind} chart values reference '{shown}' with key '{key}': {cause}"
                ));
            }
        };
        match reference["targetPath"].as_str() {
            Some(path) => set(&mut values, path, found),
            None => {
                let parsed: Value = serde_saphyr::from_str(&found).map_err(|error| {
                    format!(
                        "unable to read values from key '{key}' in {kind} '{}/{name}': {error}",
                        namespace(release)
                    )
                })?;
                if !parsed.is_null() {
                    merge(&mut values, &parsed);
                }
            }
        }
    }
    if release["spec"]["values"].is_object() {
        merge(&mut values, &release["spec"]["values"]);
    }
    Ok(values)
}

fn read(object: &Value, kind: &str, key: &str) -> Result<String, String> {
    let data = object["data"][key]
        .as_str()
        .ok_or_else(|| format!("missing key '{key}' in it"))?;
    if kind == "ConfigMap" {
        return Ok(data.to_owned());
    }
    let bytes = BASE64_STANDARD
        .decode(data)
        .map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// Sets one value, as `helm --set` does.
fn set(values: &mut Value, path: &str, text: String) {
    let value = match text.trim() {
        "true" => json!(true),
        "false" => json!(false),
        "null" => Value::Null,
        number
            if number
                .parse::<i64>()
                .is_ok_and(|it| it.to_string() == number) =>
        {
            json!(number.parse::<i64>().unwrap_or_default())
        }
        _ => json!(text),
    };
    let nested = path
        .rsplit('.')
        .fold(value, |value, part| json!({part: value}));
    merge(values, &nested);
}
