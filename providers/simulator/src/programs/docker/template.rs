//! The part of Go templates that `--format` is mostly used with: `{{json .}}`, `{{.Field.Field}}`, `{{.Label "key"}}`,
//! `{{index .Field "key"}}` and literal text with `\t` and `\n`.

use serde_json::Value;

/// Renders a template; `json` is short for `{{json .}}`. Errors are worded as docker does.
pub(super) fn render(template: &str, value: &Value) -> Result<String, String> {
    if template == "json" {
        return Ok(value.to_string());
    }
    let mut text = String::new();
    let mut rest = template.strip_prefix("table ").unwrap_or(template);
    while let Some(start) = rest.find("{{") {
        text.push_str(&literal(&rest[..start]));
        let Some(end) = rest[start..].find("}}") else {
            return Err(format!(
                "template parsing error: template: :1: unclosed action in {template:?}"
            ));
        };
        text.push_str(&action(
            rest[start + 2..start + end].trim_matches(['-', ' ']),
            value,
        )?);
        rest = &rest[start + end + 2..];
    }
    text.push_str(&literal(rest));
    Ok(text)
}

/// Returns a value as Go prints it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<no value>".to_owned(),
        other => other.to_string(),
    }
}

fn literal(text: &str) -> String {
    text.replace("\\t", "\t").replace("\\n", "\n")
}

fn action(action: &str, value: &Value) -> Result<String, String> {
    let unsupported =
        || format!("template parsing error: the simulated docker does not know {{{{{action}}}}}");
    let (first, argument) = action.split_once(' ').unwrap_or((action, ""));
    let argument = argument.trim();
    match first {
        "json" => Ok(field(argument, value).ok_or_else(unsupported)?.to_string()),
        ".Label" => {
            let key = argument
                .strip_prefix('"')
                .and_then(|it| it.strip_suffix('"'))
                .ok_or_else(unsupported)?;
            let labels = value["Labels"].as_str().unwrap_or_default();
            let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
            Ok(pairs
                .filter(|(name, _)| *name == key)
                .map(|(_, value)| value)
                .collect())
        }
        "index" => {
            let (path, key) = argument.split_once(' ').ok_or_else(unsupported)?;
            let key = key
                .trim()
                .strip_prefix('"')
                .and_then(|it| it.strip_suffix('"'))
                .ok_or_else(unsupported)?;
            let map = field(path, value).ok_or_else(unsupported)?;
            Ok(map.get(key).map(text).unwrap_or_default())
        }
        path if path.starts_with('.') && argument.is_empty() => {
            Ok(text(field(path, value).ok_or_else(unsupported)?))
        }
        _ => Err(unsupported()),
    }
}

/// Returns what a path (".State.Status") leads to; `None` where a path is malformed or leads nowhere.
fn field<'a>(path: &str, value: &'a Value) -> Option<&'a Value> {
    let path = path.strip_prefix('.')?;
    path.split('.')
        .filter(|name| !name.is_empty())
        .try_fold(value, |value, name| value.get(name))
}
