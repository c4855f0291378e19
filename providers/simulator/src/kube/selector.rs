//! Label and field selectors, in the syntax of list and watch requests
//! (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>).

use super::{kinds::Kind, status::Status};
use serde_json::Value;

/// Which objects a list or watch wants.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    wanted: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl Selector {
    /// Reads the selectors of a request for a kind.
    pub(super) fn parse(labels: &str, fields: &str, kind: &Kind) -> Result<Self, Status> {
        let labels = Parser { rest: labels }
            .requirements()
            .map_err(Status::bad_request)?;
        let mut selector = Self {
            labels,
            fields: Vec::new(),
        };
        for term in fields.split(',').filter(|term| !term.is_empty()) {
            let (path, equal, value) = if let Some((path, value)) = term.split_once("!=") {
                (path, false, value)
            } else if let Some((path, value)) =
                term.split_once("==").or_else(|| term.split_once('='))
            {
                (path, true, value)
            } else {
                return Err(Status::bad_request(format!(
                    "invalid selector: '{fields}'; can't understand '{term}'"
                )));
            };
            if !selectable(kind, path) {
                return Err(unsupported(kind, path));
            }
            selector
                .fields
                .push((path.to_owned(), equal, value.to_owned()));
        }
        Ok(selector)
    }

    /// Reads a `LabelSelector` object.
    pub(super) fn of_object(selector: &Value) -> Self {
        let mut labels = Vec::new();
        for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default().to_owned();
            labels.push(Requirement {
                key: key.clone(),
                wanted: Wanted::In(vec![value]),
            });
        }
        for expression in selector["matchExpressions"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let values = || -> Vec<String> {
                expression["values"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect()
            };
            let wanted = match expression["operator"].as_str() {
                Some("In") => Wanted::In(values()),
                Some("NotIn") => Wanted::NotIn(values()),
                Some("Exists") => Wanted::Exists,
                _ => Wanted::Missing,
            };
            labels.push(Requirement {
                key: expression["key"].as_str().unwrap_or_default().to_owned(),
                wanted,
            });
        }
        Self {
            labels,
            fields: Vec::new(),
        }
    }

    /// Returns whether there is anything to select by.
    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Returns whether an object is wanted.
    pub(super) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|requirement| {
            let value = labels[requirement.key.as_str()].as_str();
            match &requirement.wanted {
                Wanted::Exists => value.is_some(),
                Wanted::Missing => value.is_none(),
                Wanted::In(values) => {
                    value.is_some_and(|value| values.iter().any(|wanted| wanted == value))
                }
                Wanted::NotIn(values) => {
                    value.is_none_or(|value| values.iter().all(|other| other != value))
                }
                Wanted::Greater(limit) => value
                    .and_then(|value| value.parse().ok())
                    .is_some_and(|value: i64| value > *limit),
                Wanted::Less(limit) => value
                    .and_then(|value| value.parse().ok())
                    .is_some_and(|value: i64| value < *limit),
            }
        }) && self
            .fields
            .iter()
            .all(|(path, equal, value)| (field(object, path) == *value) == *equal)
    }
}

fn field(object: &Value, path: &str) -> String {
    let found = path
        .split('.')
        .try_fold(object, |value, name| value.get(name));
    match found {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Fields of built-in kinds that selectors may name besides name and namespace.
const SELECTABLE: &[(&str, &[&str])] = &[
    (
        "Pod",
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
    ),
    (
        "Event",
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
    ),
    ("Secret", &["type"]),
    ("Namespace", &["status.phase"]),
    ("Node", &["spec.unschedulable"]),
    ("Job", &["status.successful"]),
    ("ReplicaSet", &["status.replicas"]),
    ("ReplicationController", &["status.replicas"]),
    ("CertificateSigningRequest", &["spec.signerName"]),
    ("Service", &["spec.clusterIP", "spec.type"]),
];

fn selectable(kind: &Kind, path: &str) -> bool {
    if path == "metadata.name"
        || (path == "metadata.namespace" && (kind.namespaced || kind.custom().is_some()))
    {
        return true;
    }
    match kind.custom() {
        Some(custom) => custom.selectable.iter().any(|field| field == path),
        None => SELECTABLE
            .iter()
            .any(|(name, fields)| *name == kind.kind && fields.contains(&path)),
    }
}

fn unsupported(kind: &Kind, path: &str) -> Status {
    let extended = SELECTABLE.iter().any(|(name, _)| *name == kind.kind);
    Status::bad_request(if kind.custom().is_some() || extended {
        format!("field label not supported: {path}")
    } else {
        format!(
            "\"{path}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        )
    })
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn requirements(mut self) -> Result<Vec<Requirement>, String> {
        let mut requirements = Vec::new();
        loop {
            self.skip();
            if self.rest.is_empty() {
                return Ok(requirements);
            }
            requirements.push(self.requirement()?);
            self.skip();
            match self.rest.strip_prefix(',') {
                Some(rest) => self.rest = rest,
                None if self.rest.is_empty() => {}
                None => {
                    return Err(format!(
                        "found '{}', expected: ',' or 'end of string'",
                        self.word()
                    ));
                }
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        if let Some(rest) = self.rest.strip_prefix('!') {
            self.rest = rest;
            let key = self.word().to_owned();
            return Ok(Requirement {
                key,
                wanted: Wanted::Missing,
            });
        }
        let key = self.word().to_owned();
        if key.is_empty() {
            let found = self
                .rest
                .chars()
                .next()
                .map(String::from)
                .unwrap_or_default();
            return Err(format!(
                "unable to parse requirement: found '{found}', expected: !, identifier, or 'end of string'"
            ));
        }
        self.skip();
        if self.rest.is_empty() || self.rest.starts_with(',') {
            return Ok(Requirement {
                key,
                wanted: Wanted::Exists,
            });
        }
        for (sign, equal) in [("!=", false), ("==", true), ("=", true)] {
            if let Some(rest) = self.rest.strip_prefix(sign) {
                self.rest = rest;
                self.skip();
                let value = vec![self.word().to_owned()];
                let wanted = if equal {
                    Wanted::In(value)
                } else {
                    Wanted::NotIn(value)
                };
                return Ok(Requirement { key, wanted });
            }
        }
        let wanted = match self.sign() {
            ">" | "gt" => Wanted::Greater(self.number()?),
            "<" | "lt" => Wanted::Less(self.number()?),
            "in" => Wanted::In(self.values()?),
            "notin" => Wanted::NotIn(self.values()?),
            other => {
                return Err(format!(
                    "unable to parse requirement: found '{other}', expected: in, notin, =, ==, !=, gt, lt"
                ));
            }
        };
        Ok(Requirement { key, wanted })
    }

    fn sign(&mut self) -> &'a str {
        if self.rest.starts_with(['>', '<']) {
            let (sign, rest) = self.rest.split_at(1);
            self.rest = rest;
            return sign;
        }
        self.word()
    }

    fn number(&mut self) -> Result<i64, String> {
        self.skip();
        let word = self.word();
        word.parse().map_err(|_| {
            format!("for 'Gt', 'Lt' operators, the value must be an integer: found '{word}'")
        })
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        self.skip();
        let Some(rest) = self.rest.strip_prefix('(') else {
            return Err(format!(
                "unable to parse requirement: found '{}', expected: '('",
                self.word()
            ));
        };
        let Some((inside, rest)) = rest.split_once(')') else {
            return Err("unable to parse requirement: found '', expected: ',' or ')'".to_owned());
        };
        self.rest = rest;
        Ok(inside
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect())
    }

    fn word(&mut self) -> &'a str {
        let end = self
            .rest
            .find([' ', '\t', ',', '=', '!', '(', ')', '<', '>'])
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::kinds::Registry;
    use serde_json::json;

    #[test]
    fn selects_by_labels_in_every_form() {
        let registry = Registry::new();
        let kind = registry.resource("", "v1", "configmaps").expect("served");
        let object = json!({ "metadata": { "name": "a", "labels": { "app": "web", "n": "3" } } });
        for (selector, wanted) in [
            ("app=web", true),
            ("app==web,n", true),
            ("app!=web", false),
            ("!gone", true),
            ("n in (1, 3)", true),
            ("n notin (1,3)", false),
            ("n>2", true),
            ("n gt 3", false),
            ("", true),
        ] {
            let selector_read = Selector::parse(selector, "", kind).expect(selector);
            assert_eq!(selector_read.matches(&object), wanted, "{selector}");
        }
        assert!(
            Selector::parse("", "metadata.name=a", kind)
                .expect("known")
                .matches(&object)
        );
        assert!(
            !Selector::parse("", "metadata.name!=a", kind)
                .expect("known")
                .matches(&object)
        );
    }
}
