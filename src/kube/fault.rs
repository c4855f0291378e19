//! Puts what the API or the network said into the classes that callers act on.

use http::StatusCode;
use kube::core::{Status, response::reason};
use windlass_provider::{Error, Fault};

/// A request that failed: the error for callers, and what the API said, for those who must look closer.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    status: Option<Box<Status>>,
}

impl Failure {
    /// Returns the failure of a request that the API refused; `doing` completes "cannot …".
    pub(super) fn refused(doing: &str, status: Status) -> Self {
        Self {
            error: refused(doing, &status),
            status: Some(status.boxed()),
        }
    }

    /// Returns the failure of a request that got no answer, or that the API refused.
    pub(super) fn of(doing: &str, error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::refused(doing, *status),
            error => Self {
                error: unanswered(doing, &error),
                status: None,
            },
        }
    }

    /// Tells whether the object is not there, or its kind is not served.
    pub(super) fn is_absent(&self) -> bool {
        self.code() == 404
    }

    /// Tells whether the API does not serve the kind.
    pub(super) fn is_unserved(&self) -> bool {
        self.status.as_deref().is_some_and(is_unserved)
    }

    /// Tells whether the API has forgotten the version that was asked for: 410.
    pub(super) fn is_gone(&self) -> bool {
        self.code() == 410
    }

    /// Tells whether the API does not take the credential: 401.
    pub(super) fn is_unauthorized(&self) -> bool {
        self.code() == 401
    }

    /// Tells whether someone else was quicker.
    pub(super) fn is_conflict(&self) -> bool {
        self.code() == 409
    }

    /// Tells whether the API said anything at all.
    pub(super) fn is_answered(&self) -> bool {
        self.status.is_some()
    }

    fn code(&self) -> u16 {
        self.status.as_ref().map_or(0, |status| status.code)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            status: None,
        }
    }
}

/// Returns the error of a request that the API refused; `doing` completes "cannot …".
fn refused(doing: &str, status: &Status) -> Error {
    let mut error = Error::new(class(status), format!("cannot {doing}"));
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let said = match status.message.trim() {
        "" => format!("the API answered {} {}", status.code, status.reason),
        message => shorten(message),
    };
    error = error.cause(said);
    for cause in causes {
        // The message of a validation error repeats its causes; each is still worth a line of its own, field first.
        if !cause.field.is_empty() {
            error = error.cause(shorten(&format!("{}: {}", cause.field, cause.message)));
        }
    }
    match error.fault {
        Fault::Denied if is(status, reason::UNAUTHORIZED, 401) => error.hint(
            "the API does not take this credential: get a fresh one with windlass kubeconfig",
        ),
        Fault::Denied => error.hint("see what you may do with: kubectl auth can-i --list"),
        Fault::Transient if is_namespace_terminating(status) => {
            error.hint("the namespace is still being deleted: it is tried again when it is gone")
        }
        _ => error,
    }
}

/// Returns the error of a request that got no answer.
fn unanswered(doing: &str, error: &kube::Error) -> Error {
    let chain = chain(error);
    let text = chain.join(": ");
    let certificate =
        text.contains("invalid peer certificate") || text.contains("CertificateUnknown");
    let untimely = ["not valid yet", "NotValidYet", "expired", "Expired"];
    let (fault, hint) = match error {
        _ if certificate && untimely.iter().any(|word| text.contains(word)) => (
            Fault::Failed,
            "the server's certificate is not valid at this time: set this machine's clock right (date -u), or have the certificate renewed",
        ),
        _ if certificate => (
            Fault::Failed,
            "the server's certificate is not the one that the kubeconfig expects: get a fresh one with windlass kubeconfig",
        ),
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => (
            Fault::Transient,
            "check that the cluster is up and can be reached from here: windlass status",
        ),
        _ => (
            Fault::Failed,
            "check that the kubeconfig's server is a Kubernetes API: windlass kubeconfig",
        ),
    };
    chain
        .into_iter()
        .fold(Error::new(fault, format!("cannot {doing}")), Error::cause)
        .hint(hint)
}

/// Returns what an error and its sources say, without kube's own prefixes and without repeats.
pub(super) fn chain(error: &dyn std::error::Error) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    let mut next: Option<&dyn std::error::Error> = error.source();
    if next.is_none() {
        said.push(error.to_string());
    }
    while let Some(error) = next {
        let text = error.to_string();
        if !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
        next = error.source();
    }
    said
}

/// Reads the Status of an answer that is not a success; one that is no Status (a proxy's page) is quoted.
pub(super) fn status(code: StatusCode, body: &[u8]) -> Status {
    let mut status = serde_json::from_slice::<Status>(body)
        .ok()
        .filter(|status| !status.message.is_empty() || !status.reason.is_empty())
        .unwrap_or_else(|| Status::failure(String::from_utf8_lossy(body).trim(), ""));
    status.code = code.as_u16();
    status
}

/// Tells whether the API does not serve the kind that was asked for, rather than not having the object.
fn is_unserved(status: &Status) -> bool {
    status.code == 404
        && status
            .details
            .as_ref()
            .is_none_or(|details| details.kind.is_empty())
}

fn class(status: &Status) -> Fault {
    match status.code {
        401 => Fault::Denied,
        403 if is_namespace_terminating(status) || is_crd_terminating(status) => Fault::Transient,
        403 if status.message.contains("exceeded quota") => Fault::Quota,
        403 => Fault::Denied,
        404 if is_unserved(status) => Fault::Transient,
        404 => Fault::Failed,
        408 | 429 => Fault::Transient,
        409 | 412 => Fault::Conflict,
        // The schema refuses an applied object with a 500 that carries no reason.
        500 if status
            .message
            .starts_with("failed to create typed patch object")
            || status.message.contains("field not declared in schema") =>
        {
            Fault::Invalid
        }
        500..=599 => Fault::Transient,
        400..=499 => Fault::Invalid,
        _ => Fault::Failed,
    }
}

fn is(status: &Status, reason: &str, code: u16) -> bool {
    status.reason == reason || status.code == code
}

/// The namespace is going: <https://kubernetes.io/docs/reference/using-api/> gives the cause `NamespaceTerminating`.
fn is_namespace_terminating(status: &Status) -> bool {
    status
        .details
        .iter()
        .flat_map(|details| &details.causes)
        .any(|cause| cause.reason == "NamespaceTerminating")
}

fn is_crd_terminating(status: &Status) -> bool {
    status
        .message
        .contains("create not allowed while custom resource definition is terminating")
}

/// Cuts what a server said to a length that people read.
pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 600;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refuse(body: serde_json::Value) -> Error {
        let code = StatusCode::from_u16(u16::try_from(body["code"].as_u64().unwrap()).unwrap());
        let status = status(code.unwrap(), body.to_string().as_bytes());
        refused("apply Deployment a-team/web", &status)
    }

    // The bodies are those that a kube-apiserver 1.36 gave.
    #[test]
    fn refusals_fall_into_their_classes() {
        let cases = [
            (
                Fault::Denied,
                json!({ "reason": "Unauthorized", "message": "Unauthorized", "code": 401 }),
            ),
            (
                Fault::Denied,
                json!({ "reason": "Forbidden", "message": "deployments.apps is forbidden", "code": 403 }),
            ),
            (
                Fault::Transient,
                json!({ "reason": "Forbidden", "code": 403, "message": "unable to create new content in namespace a-team because it is being terminated",
                    "details": { "name": "web", "kind": "deployments", "causes": [{ "reason": "NamespaceTerminating", "message": "namespace a-team is being terminated", "field": "metadata.namespace" }] } }),
            ),
            (
                Fault::Quota,
                json!({ "reason": "Forbidden", "code": 403, "message": "pods \"x\" is forbidden: exceeded quota: small" }),
            ),
            (
                Fault::Transient,
                json!({ "reason": "TooManyRequests", "message": "slow down", "code": 429 }),
            ),
            (
                Fault::Transient,
                json!({ "reason": "InternalError", "message": "Internal error occurred: failed calling webhook", "code": 500 }),
            ),
            (
                Fault::Transient,
                json!({ "reason": "Timeout", "message": "Timeout", "code": 504 }),
            ),
            (
                Fault::Invalid,
                json!({ "code": 500, "message": "failed to create typed patch object (/ap; contract.example.com/v1, Kind=Gadget): .spec.unknown: field not declared in schema" }),
            ),
            (
                Fault::Conflict,
                json!({ "reason": "AlreadyExists", "message": "already exists", "code": 409 }),
            ),
            (
                Fault::Invalid,
                json!({ "reason": "BadRequest", "message": "strict decoding error", "code": 400 }),
            ),
            (
                Fault::Failed,
                json!({ "reason": "NotFound", "message": "namespaces \"a-team\" not found", "details": { "name": "a-team", "kind": "namespaces" }, "code": 404 }),
            ),
            (
                Fault::Transient,
                json!({ "reason": "NotFound", "message": "the server could not find the requested resource", "details": {}, "code": 404 }),
            ),
        ];
        for (fault, body) in cases {
            assert_eq!(refuse(body.clone()).fault, fault, "{body}");
        }
    }

    #[test]
    fn a_validation_error_names_each_field() {
        let error = refuse(json!({
            "reason": "Invalid", "code": 422, "message": "Deployment.apps \"web\" is invalid: [a, b]",
            "details": { "name": "web", "group": "apps", "kind": "Deployment", "causes": [
                { "reason": "FieldValueRequired", "message": "Required value", "field": "spec.selector" },
                { "reason": "FieldValueInvalid", "message": "Invalid value: 0", "field": "spec.replicas" },
            ] },
        }));
        assert_eq!(error.fault, Fault::Invalid);
        assert_eq!(error.message, "cannot apply Deployment a-team/web");
        assert_eq!(
            error.causes[1..],
            [
                "spec.selector: Required value",
                "spec.replicas: Invalid value: 0"
            ]
        );
    }

    #[test]
    fn a_certificate_that_is_not_valid_now_may_be_the_clocks_fault() {
        let told = |why: &str| {
            let why = format!("invalid peer certificate: {why}");
            let error = unanswered("list pods", &kube::Error::Service(why.into()));
            assert_eq!(error.fault, Fault::Failed);
            error.hints.concat()
        };
        // As rustls words them.
        for untimely in [
            "certificate not valid yet: verification time 1 (UNIX), but certificate is not valid before 2",
            "certificate expired: verification time 3 (UNIX), but certificate is not valid after 2",
            "Expired",
        ] {
            assert!(
                told(untimely).contains("this machine's clock"),
                "{untimely}"
            );
        }
        assert!(told("UnknownIssuer").contains("windlass kubeconfig"));
    }

    #[test]
    fn an_answer_that_is_no_status_is_quoted() {
        let status = status(StatusCode::BAD_GATEWAY, b"<html>Bad gateway</html>");
        let error = refused("list pods", &status);
        assert_eq!(error.fault, Fault::Transient);
        assert_eq!(error.causes, ["<html>Bad gateway</html>"]);
    }
}
