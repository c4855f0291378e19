//! Answers as they go over the wire.

use super::{kinds::Kind, status::Status};
use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Value, json};
use std::sync::Arc;

/// An answer before it is written out.
pub(super) enum Reply {
    Value(u16, Value),
    Object(u16, Arc<Value>),
    List(List),
    Text(u16, String),
    Stream(Body),
}

/// A list of objects.
pub(super) struct List {
    pub(super) items: Vec<Arc<Value>>,
    pub(super) revision: u64,
    pub(super) token: Option<String>,
    pub(super) remaining: Option<usize>,
}

/// An object at the version that was asked for.
pub(super) struct Versioned<'a> {
    pub(super) object: &'a Value,
    pub(super) api_version: &'a str,
    /// Items of built-in lists do not say what they are.
    pub(super) bare: bool,
}

impl Serialize for Versioned<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(fields) = self.object.as_object() else {
            return self.object.serialize(serializer);
        };
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in fields {
            match name.as_str() {
                "apiVersion" | "kind" if self.bare => {}
                "apiVersion" => map.serialize_entry(name, self.api_version)?,
                _ => map.serialize_entry(name, value)?,
            }
        }
        map.end()
    }
}

struct Items<'a> {
    list: &'a List,
    api_version: &'a str,
    bare: bool,
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.list.items.len()))?;
        for object in &self.list.items {
            sequence.serialize_element(&Versioned {
                object,
                api_version: self.api_version,
                bare: self.bare,
            })?;
        }
        sequence.end()
    }
}

impl List {
    /// Returns the metadata of the list.
    pub(super) fn metadata(&self, custom: bool) -> Value {
        let mut metadata = json!({ "resourceVersion": self.revision.to_string() });
        match &self.token {
            Some(token) => metadata["continue"] = json!(token),
            None if custom => metadata["continue"] = json!(""),
            None => {}
        }
        if let Some(remaining) = self.remaining {
            metadata["remainingItemCount"] = json!(remaining);
        }
        metadata
    }

    fn write(&self, kind: &Kind) -> serde_json::Result<Vec<u8>> {
        #[derive(serde::Serialize)]
        struct Whole<'a> {
            kind: &'a str,
            #[serde(rename = "apiVersion")]
            api_version: &'a str,
            metadata: Value,
            items: Items<'a>,
        }
        let api_version = kind.api_version();
        let custom = kind.custom().is_some();
        serde_json::to_vec(&Whole {
            kind: &kind.list_kind,
            api_version: &api_version,
            metadata: self.metadata(custom),
            items: Items {
                list: self,
                api_version: &api_version,
                bare: !custom,
            },
        })
    }
}

impl Reply {
    /// Returns the response. `kind` is what the answer is about, where it is about one.
    pub(super) fn write(self, kind: Option<&Kind>, yaml: bool) -> Response<Body> {
        let api_version = kind.map(Kind::api_version);
        let (code, bytes) = match self {
            Self::Text(code, text) => return plain(code, text),
            Self::Stream(body) => {
                let mut response = Response::new(body);
                response.headers_mut().insert(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/json"),
                );
                return response;
            }
            Self::Value(code, value) => (code, serde_json::to_vec(&value)),
            Self::Object(code, object) => {
                let own = object["apiVersion"].as_str().unwrap_or_default();
                let api_version = api_version.as_deref().unwrap_or(own);
                (
                    code,
                    serde_json::to_vec(&Versioned {
                        object: &object,
                        api_version,
                        bare: false,
                    }),
                )
            }
            Self::List(list) => (
                200,
                kind.map_or_else(|| Ok(Vec::new()), |kind| list.write(kind)),
            ),
        };
        match bytes {
            Ok(bytes) => written(code, bytes, yaml),
            Err(error) => refuse(&Status::new(500, "InternalError", error.to_string()), false),
        }
    }
}

/// Returns the response to a request that is refused.
pub(super) fn refuse(status: &Status, yaml: bool) -> Response<Body> {
    let mut response = written(
        status.code,
        status.to_value().to_string().into_bytes(),
        yaml,
    );
    if let Some(seconds) = status
        .details
        .as_ref()
        .and_then(|details| details.get("retryAfterSeconds")?.as_u64())
    {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn written(code: u16, bytes: Vec<u8>, yaml: bool) -> Response<Body> {
    let (bytes, media) = if yaml {
        (to_yaml(&bytes), "application/yaml")
    } else {
        (bytes, "application/json")
    };
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

fn to_yaml(bytes: &[u8]) -> Vec<u8> {
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    // JSON is YAML too: what cannot be written nicely is written plainly.
    serde_saphyr::to_string(&value).map_or_else(|_| bytes.to_vec(), String::into_bytes)
}

/// Returns a response in plain text.
pub(super) fn plain(code: u16, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// Adds Warning headers (RFC 7234, section 5.5).
pub(super) fn warn(response: &mut Response<Body>, warnings: &[String]) {
    for warning in warnings {
        let text = format!(
            "299 - \"{}\"",
            warning.replace('\\', "\\\\").replace('"', "\\\"")
        );
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
}
