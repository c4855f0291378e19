//! Bodies of requests: parsing JSON and YAML, checking types, dropping what the kind does not know.

use super::{
    kinds::Kind,
    protobuf,
    schema::{Object, Schema},
    status::Status,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value, json};
use std::fmt;

/// A body that was understood.
pub(super) struct Decoded {
    pub(super) object: Value,
    /// Unknown and duplicate fields, in the words of the real server.
    pub(super) problems: Vec<String>,
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    Yaml,
    Protobuf,
}

/// Parses a body. JSON may name a key twice; the last one counts.
pub(super) fn parse(body: &[u8], media: Media) -> Result<(Value, Vec<String>), String> {
    match media {
        Media::Json => {}
        Media::Yaml => {
            let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
            return serde_saphyr::from_str(text)
                .map(|value| (value, Vec::new()))
                .map_err(|error| error.to_string());
        }
        Media::Protobuf => return protobuf::decode(body).map(|value| (value, Vec::new())),
    }
    let mut duplicates = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = Text {
        path: String::new(),
        duplicates: &mut duplicates,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value))
    .map_err(|error| {
        if error.is_eof() {
            "unexpected end of JSON input".to_owned()
        } else {
            error.to_string()
        }
    })?;
    Ok((value, duplicates))
}

/// Decodes an object of a kind, as a POST or PUT carries it.
pub(super) fn decode(body: &[u8], media: Media, kind: &Kind) -> Result<Decoded, Status> {
    let (object, duplicates) = parse(body, media).map_err(|error| {
        if media == Media::Protobuf {
            return Status::bad_request(error);
        }
        let shown = if body.is_empty() { "<empty>".into() } else { String::from_utf8_lossy(body) };
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: {error} ({shown})",
            kind.kind
        ))
    })?;
    let mut decoded = shape(object, kind)?;
    let mut problems: Vec<String> = duplicates
        .into_iter()
        .map(|path| format!("duplicate field \"{path}\""))
        .collect();
    problems.append(&mut decoded.problems);
    Ok(Decoded {
        object: decoded.object,
        problems,
    })
}

/// Gives an object the shape of its kind.
pub(super) fn shape(mut object: Value, kind: &Kind) -> Result<Decoded, Status> {
    let version = kind.api_version();
    let refused = |reason: String| {
        Status::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: {reason}",
            kind.kind, kind.version, kind.kind
        ))
    };
    if !object.is_object() {
        return Err(refused(format!(
            "json: cannot unmarshal {} into Go value of type {}",
            go_type(&object),
            kind.kind
        )));
    }
    for (name, wanted) in [("apiVersion", &version), ("kind", &kind.kind)] {
        if object[name].as_str().is_none_or(str::is_empty) {
            object[name] = json!(wanted);
        }
    }
    let given = (
        object["apiVersion"].as_str().unwrap_or_default(),
        object["kind"].as_str().unwrap_or_default(),
    );
    if given.0 != version {
        return Err(refused(format!(
            "no kind \"{}\" is registered for version \"{}\" in scheme \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\"",
            given.1, given.0
        )));
    }
    if given.1 != kind.kind {
        let package = kind
            .group
            .split('.')
            .next()
            .filter(|group| !group.is_empty())
            .unwrap_or("core");
        return Err(Status::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: converting ({}.{}) to ({package}.{}): unknown conversion",
            given.1, kind.version, kind.kind, kind.version, given.1, kind.kind
        )));
    }
    let mut problems = Vec::new();
    let mut shaper = Shaper {
        problems: &mut problems,
        loose: kind.custom().is_some(),
    };
    let object = shaper
        .shape(object, kind.schema(), "", &kind.kind)
        .map_err(refused)?;
    Ok(Decoded { object, problems })
}

struct Shaper<'a> {
    problems: &'a mut Vec<String>,
    /// Custom kinds keep nulls and empty values; their types are checked by validation.
    loose: bool,
}

impl Shaper<'_> {
    fn shape(
        &mut self,
        value: Value,
        schema: &Schema,
        path: &str,
        owner: &str,
    ) -> Result<Value, String> {
        let wrong = |value: &Value, wanted: &str| {
            let field: String = strip_indices(path);
            Err(format!(
                "json: cannot unmarshal {} into Go struct field {owner}.{field} of type {wanted}",
                go_type(value)
            ))
        };
        match (schema, value) {
            (Schema::Object(object), Value::Object(fields)) => {
                self.fields(fields, object, path, owner)
            }
            (Schema::Map { value: schema, .. }, Value::Object(fields)) => {
                let mut shaped = Map::new();
                for (name, value) in fields {
                    // Go names the map, not the key, where a plain value is wrong.
                    let plain = matches!(
                        **schema,
                        Schema::Text { .. } | Schema::Integer | Schema::Boolean | Schema::IntOrText
                    );
                    let path = if plain {
                        path.to_owned()
                    } else {
                        join(path, &name)
                    };
                    let value = self.shape(value, schema, &path, owner)?;
                    let value = if value.is_null() && !self.loose {
                        zero(schema)
                    } else {
                        value
                    };
                    shaped.insert(name, value);
                }
                Ok(Value::Object(shaped))
            }
            (Schema::List { item, .. }, Value::Array(items)) => {
                let items = items.into_iter().enumerate();
                items
                    .map(|(index, value)| {
                        self.shape(value, item, &format!("{path}[{index}]"), owner)
                    })
                    .collect::<Result<Vec<_>, _>>()
                    .map(Value::Array)
            }
            (_, value) if self.loose => Ok(value),
            (_, Value::Null) => Ok(Value::Null),
            (Schema::Object(object), value) => wrong(&value, &format!("v1.{}", object.name)),
            (Schema::Map { .. }, value) => wrong(&value, "map[string]string"),
            (Schema::List { .. }, value) => wrong(&value, "[]string"),
            (
                Schema::Text {
                    format: Some("byte"),
                },
                Value::String(text),
            ) => match BASE64_STANDARD.decode(&text) {
                Ok(_) => Ok(Value::String(text)),
                Err(error) => Err(format!(
                    "illegal base64 data at input byte {}",
                    offset(&error, &text)
                )),
            },
            (Schema::Text { .. }, value) if !value.is_string() => wrong(&value, "string"),
            (Schema::Integer, value) if !value.is_i64() && !value.is_u64() => {
                wrong(&value, "int32")
            }
            (Schema::Number, value) if !value.is_number() => wrong(&value, "float64"),
            (Schema::Boolean, value) if !value.is_boolean() => wrong(&value, "bool"),
            (_, value) => Ok(value),
        }
    }

    fn fields(
        &mut self,
        fields: Map<String, Value>,
        object: &Object,
        path: &str,
        owner: &str,
    ) -> Result<Value, String> {
        let owner = if object.name.is_empty() {
            owner
        } else {
            &object.name
        };
        let mut shaped = Map::new();
        for (name, value) in fields {
            let path = join(path, &name);
            let Some(schema) = object.fields.get(&name) else {
                if object.open {
                    shaped.insert(name, value);
                } else {
                    self.problems.push(format!("unknown field \"{path}\""));
                }
                continue;
            };
            // The metadata of custom kinds is as strict as that of built-in ones.
            let loose = self.loose;
            self.loose = loose && path != "metadata";
            let value = self.shape(value, schema, &path, owner);
            let strict = !self.loose;
            self.loose = loose;
            let value = value?;
            if strict && (value.is_null() || is_empty(&value, schema)) {
                continue;
            }
            shaped.insert(name, value);
        }
        Ok(Value::Object(shaped))
    }
}

/// Returns whether Go's `omitempty` leaves a value of this type out.
fn is_empty(value: &Value, schema: &Schema) -> bool {
    match schema {
        Schema::Map { .. } => value.as_object().is_some_and(Map::is_empty),
        Schema::List { .. } => value.as_array().is_some_and(Vec::is_empty),
        _ => false,
    }
}

fn zero(schema: &Schema) -> Value {
    match schema {
        Schema::Text { .. } => json!(""),
        Schema::Integer | Schema::Number => json!(0),
        Schema::Boolean => json!(false),
        _ => Value::Null,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn strip_indices(path: &str) -> String {
    let mut depth = 0;
    path.chars()
        .filter(|c| {
            depth += i32::from(*c == '[');
            let keep = depth == 0;
            depth -= i32::from(*c == ']');
            keep
        })
        .collect()
}

fn offset(error: &base64::DecodeError, text: &str) -> usize {
    match error {
        base64::DecodeError::InvalidByte(at, _)
        | base64::DecodeError::InvalidLastSymbol { offset: at, .. } => *at,
        _ => text.len(),
    }
}

/// Returns how Go names the type of a JSON value.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Builds a value and notes keys that come twice.
struct Text<'a> {
    path: String,
    duplicates: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let path = format!("{}[{}]", self.path, items.len());
            match sequence.next_element_seed(Text {
                path,
                duplicates: self.duplicates,
            })? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let path = join(&self.path, &name);
            if fields.contains_key(&name) {
                self.duplicates.push(path.clone());
            }
            let value = map.next_value_seed(Text {
                path,
                duplicates: self.duplicates,
            })?;
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::kinds::Registry;

    #[test]
    fn notes_unknown_and_duplicate_fields_with_their_paths() {
        let registry = Registry::new();
        let kind = registry
            .resource("apps", "v1", "deployments")
            .expect("served");
        let body = br#"{"spec":{"replicas":1,"replicas":2,"template":{"spec":{"containers":[{"name":"a","imag":"b"}]}}}}"#;
        let decoded = decode(body, Media::Json, kind).expect("decodes");
        assert_eq!(
            decoded.problems,
            [
                r#"duplicate field "spec.replicas""#,
                r#"unknown field "spec.template.spec.containers[0].imag""#
            ]
        );
        assert_eq!(decoded.object["spec"]["replicas"], 2);
    }

    #[test]
    fn refuses_wrong_types_naming_the_field() {
        let registry = Registry::new();
        let kind = registry
            .resource("apps", "v1", "deployments")
            .expect("served");
        let refused = decode(br#"{"spec":{"replicas":"two"}}"#, Media::Json, kind)
            .err()
            .expect("is refused");
        assert_eq!(
            refused.message,
            "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct \
             field DeploymentSpec.spec.replicas of type int32"
        );
    }
}
