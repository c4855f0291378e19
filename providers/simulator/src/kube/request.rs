//! Requests taken apart: path, parameters, media types.

use super::{
    status::{Cause, Status},
    write::Validation,
};
use http::{HeaderMap, Method, header};

/// A request whose body was read.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) segments: Vec<String>,
    pub(super) path: String,
    parameters: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: bytes::Bytes,
}

/// The form in which a client wants an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As the kind is.
    Plain,
    /// As rows with columns (`as=Table`).
    Table,
    /// As metadata alone (`as=PartialObjectMetadata`, `…List`).
    Metadata,
    /// As aggregated discovery.
    Discovery,
}

/// What a client accepts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    pub(super) form: Form,
    pub(super) yaml: bool,
}

impl Request {
    /// Takes a request apart.
    pub(super) fn new(parts: http::request::Parts, body: bytes::Bytes) -> Self {
        let path = parts.uri.path().to_owned();
        let segments = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| decode(segment, false))
            .collect();
        let parameters = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name, true), decode(value, true))
            })
            .collect();
        Self {
            method: parts.method,
            segments,
            path,
            parameters,
            headers: parts.headers,
            body,
        }
    }

    /// Returns a parameter, `None` where it is missing or empty.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(other, value)| other == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// Returns whether a parameter is set to a true value.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.parameters.iter().any(|(other, value)| {
            other == name && matches!(value.as_str(), "true" | "1" | "" | "True")
        })
    }

    /// Returns a whole-number parameter.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Status> {
        self.parameter(name)
            .map(|value| {
                value.parse().map_err(|_| {
                    Status::bad_request(format!(
                        "strconv.ParseInt: parsing \"{value}\": invalid syntax"
                    ))
                })
            })
            .transpose()
    }

    /// Returns a header as text.
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the media type of the body without parameters.
    pub(super) fn content_type(&self) -> &str {
        self.header(header::CONTENT_TYPE)
            .unwrap_or("application/json")
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
    }

    /// Returns the field manager: as given, or the first part of the user agent.
    pub(super) fn manager(&self) -> String {
        if let Some(given) = self.parameter("fieldManager") {
            return given.to_owned();
        }
        let agent = self.header(header::USER_AGENT).unwrap_or_default();
        let name = agent.split('/').next().unwrap_or_default();
        if name.is_empty() {
            "unknown".to_owned()
        } else {
            name.to_owned()
        }
    }

    /// Returns whether nothing is to be stored. `options` names the kind of the parameters in a refusal.
    pub(super) fn dry_run(&self, options: &str) -> Result<bool, Status> {
        match self.parameter("dryRun") {
            None => Ok(false),
            Some("All") => Ok(true),
            Some(other) => {
                let cause = Cause::unsupported("dryRun", vec![other], &["All"]);
                Err(Status::invalid_options(options, cause))
            }
        }
    }

    /// Returns what becomes of unknown fields.
    pub(super) fn validation(&self, options: &str) -> Result<Validation, Status> {
        match self.parameter("fieldValidation") {
            None | Some("Warn") => Ok(Validation::Warn),
            Some("Ignore") => Ok(Validation::Ignore),
            Some("Strict") => Ok(Validation::Strict),
            Some(other) => {
                let cause =
                    Cause::unsupported("fieldValidation", other, &["", "Ignore", "Strict", "Warn"]);
                Err(Status::invalid_options(options, cause))
            }
        }
    }

    /// Returns what the client accepts, or 406.
    pub(super) fn accepted(&self) -> Result<Accepted, Status> {
        let accept = self.header(header::ACCEPT).unwrap_or("*/*");
        for range in accept.split(',').map(str::trim) {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let form = match parts.find_map(|part| part.strip_prefix("as=")) {
                None => Form::Plain,
                Some("Table") if !range.contains("v1beta1") => Form::Table,
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => Form::Metadata,
                Some("APIGroupDiscoveryList")
                    if range.contains("v=v2") && !range.contains("v2beta1") =>
                {
                    Form::Discovery
                }
                Some(_) => continue,
            };
            match media {
                "application/json" | "*/*" | "application/*" | "" => {
                    return Ok(Accepted { form, yaml: false });
                }
                "application/yaml" | "application/x-yaml" => {
                    return Ok(Accepted { form, yaml: true });
                }
                _ => {}
            }
        }
        let message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
                       application/vnd.kubernetes.protobuf";
        Err(Status::new(406, "NotAcceptable", message).with_empty_details())
    }
}

/// Decodes percent-encoding (RFC 3986); in a query, `+` is a space.
fn decode(text: &str, query: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' if query => bytes.push(b' '),
            b'%' => {
                let hex = rest.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
                match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                    Some(byte) => {
                        bytes.push(byte);
                        rest = &rest[2..];
                    }
                    None => bytes.push(b'%'),
                }
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, accept: &str) -> Request {
        let request = http::Request::builder()
            .uri(uri)
            .header("accept", accept)
            .body(())
            .expect("a request");
        Request::new(request.into_parts().0, bytes::Bytes::new())
    }

    #[test]
    fn decodes_paths_and_parameters() {
        let request = request(
            "/api/v1/namespaces/a%2Db/pods?labelSelector=n+in+(0,4)&x=%zz",
            "*/*",
        );
        assert_eq!(request.segments, ["api", "v1", "namespaces", "a-b", "pods"]);
        assert_eq!(request.parameter("labelSelector"), Some("n in (0,4)"));
        assert_eq!(request.parameter("x"), Some("%zz"));
    }

    #[test]
    fn picks_the_first_form_that_it_speaks() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(
            request("/", kubectl).accepted().expect("accepted").form,
            Form::Table
        );
        let protobuf = "application/vnd.kubernetes.protobuf,application/json";
        assert_eq!(
            request("/", protobuf).accepted().expect("accepted").form,
            Form::Plain
        );
        assert_eq!(
            request("/", "text/html")
                .accepted()
                .expect_err("is refused")
                .code,
            406
        );
    }
}
