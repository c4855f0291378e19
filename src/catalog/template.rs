//! Templates: YAML with typed holes.
//!
//! A template is parsed first and filled afterwards, so nothing can be injected through a quote or a line break. A string
//! that is one hole, `${path.to.value}`, becomes the value with its type; holes within a longer string must be scalars. A
//! map entry whose one hole is `null` is left out.

use anyhow::{Context, Result};
use serde_json::Value;

/// Why a template cannot be filled. Always our mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The scope has no such value.
    #[error("${{{0}}} has no value")]
    Missing(String),
    /// A map or list stands within a longer string.
    #[error("${{{0}}} stands within a string and is not a scalar")]
    NotScalar(String),
    /// A hole is not closed.
    #[error("a ${{ is not closed in \"{0}\"")]
    Open(String),
}

/// Reads a template of `templates/` and fills its holes from `scope`.
pub(super) fn fill(path: &str, scope: &Value) -> Result<Value> {
    let text = super::TEMPLATES
        .get_file(path)
        .and_then(|file| file.contents_utf8())
        .with_context(|| format!("templates/{path} is not built in"))?;
    let mut object: Value =
        serde_saphyr::from_str(text).with_context(|| format!("templates/{path} is not YAML"))?;
    substitute(&mut object, scope).with_context(|| format!("templates/{path}"))?;
    Ok(object)
}

/// Fills the holes of `value` from `scope`.
///
/// # Errors
/// The first hole that cannot be filled.
pub fn substitute(value: &mut Value, scope: &Value) -> Result<(), TemplateError> {
    match value {
        Value::String(text) => {
            if let Some(filled) = fill_text(text, scope)? {
                *value = filled;
            }
        }
        Value::Array(items) => {
            for item in items {
                substitute(item, scope)?;
            }
        }
        Value::Object(map) => {
            let mut empty = Vec::new();
            for (key, item) in map.iter_mut() {
                let was_hole = item.is_string();
                substitute(item, scope)?;
                if was_hole && item.is_null() {
                    empty.push(key.clone());
                }
            }
            for key in empty {
                map.shift_remove(&key);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

/// Returns the filled text; `None` where it has no hole.
fn fill_text(text: &str, scope: &Value) -> Result<Option<Value>, TemplateError> {
    let Some(first) = text.find("${") else {
        return Ok(None);
    };
    let mut filled = text[..first].to_owned();
    let mut rest = &text[first..];
    while let Some(begin) = rest.find("${") {
        filled.push_str(&rest[..begin]);
        let inner = &rest[begin + 2..];
        let end = inner
            .find('}')
            .ok_or_else(|| TemplateError::Open(text.to_owned()))?;
        let path = &inner[..end];
        let found = path
            .split('.')
            .try_fold(scope, |value, key| value.get(key))
            .ok_or_else(|| TemplateError::Missing(path.to_owned()))?;
        rest = &inner[end + 1..];
        if first == 0 && begin == 0 && filled.is_empty() && rest.is_empty() {
            return Ok(Some(found.clone()));
        }
        match found {
            Value::String(scalar) => filled.push_str(scalar),
            Value::Bool(_) | Value::Number(_) => filled.push_str(&found.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(TemplateError::NotScalar(path.to_owned()));
            }
        }
    }
    filled.push_str(rest);
    Ok(Some(filled.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: Value, scope: &Value) -> Result<Value, TemplateError> {
        let mut value = template;
        substitute(&mut value, scope)?;
        Ok(value)
    }

    #[test]
    fn holes_keep_types_and_nothing_can_be_injected() {
        let scope = json!({
            "n": 3, "on": true, "map": { "a": [1] }, "nothing": null,
            "evil": "x\"\n  privileged: true\n${n}",
        });
        assert_eq!(
            filled(
                json!({ "a": "${n}", "b": "${map}", "c": "v${n}-${on}", "d": "${evil}", "e": "${nothing}", "f": "plain" }),
                &scope
            ),
            Ok(json!({
                "a": 3, "b": { "a": [1] }, "c": "v3-true",
                "d": "x\"\n  privileged: true\n${n}", "f": "plain",
            }))
        );
    }

    #[test]
    fn a_hole_that_cannot_be_filled_is_named() {
        let scope = json!({ "map": {} });
        for (template, error) in [
            ("${map.x}", "${map.x} has no value"),
            (
                "a${map}",
                "${map} stands within a string and is not a scalar",
            ),
            ("a${map", "a ${ is not closed in \"a${map\""),
        ] {
            assert_eq!(
                filled(json!([template]), &scope).unwrap_err().to_string(),
                error
            );
        }
    }
}
