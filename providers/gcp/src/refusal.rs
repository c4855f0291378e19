//! What Google Cloud refuses, in the classes that callers act on.

use std::time::Duration;

use serde_json::Value;
use windlass_http::Passes;
use windlass_provider::{Error, Fault};

use crate::service::Service;

/// The result of one call.
pub(crate) type Answer<T> = Result<T, Trouble>;

/// Why a call brought nothing.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// The service said no.
    Refused(Refusal),
    /// Nothing that can be read came back, or it was not waited for.
    Lost(Error),
}

/// What a service said no to, and why.
///
/// Source: <https://cloud.google.com/apis/design/errors>
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The service.
    pub(crate) service: Service,
    /// The call: "clusters.create".
    pub(crate) action: &'static str,
    /// The status of the answer.
    pub(crate) status: u16,
    /// The canonical code: "PERMISSION_DENIED"; empty where it has none.
    pub(crate) code: String,
    /// The reason: "SERVICE_DISABLED", or compute's older "quotaExceeded"; empty where it has none.
    pub(crate) reason: String,
    /// What the service says.
    pub(crate) message: String,
}

impl Refusal {
    /// Reads the body of a refusal.
    pub(crate) fn read(service: Service, action: &'static str, status: u16, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = &body["error"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let details = error["details"].as_array().into_iter().flatten();
        let info = details
            .filter_map(|detail| detail["reason"].as_str())
            .next()
            .map(str::to_owned);
        let mut message = text(&error["message"]);
        if message.is_empty() {
            // The token service speaks OAuth.
            message = text(&body["error_description"]);
        }
        Self {
            service,
            action,
            status,
            code: text(&error["status"]),
            reason: info.unwrap_or_else(|| text(&error["errors"][0]["reason"])),
            message,
        }
    }

    /// Returns whether too much was asked for in too short a time.
    pub(crate) fn is_throttling(&self) -> bool {
        let rate = [
            "RATE_LIMIT_EXCEEDED",
            "rateLimitExceeded",
            "userRateLimitExceeded",
        ];
        rate.contains(&&*self.reason) || (self.status == 429 && !self.is_quota())
    }

    fn is_quota(&self) -> bool {
        let said = self.message.to_lowercase();
        ["quotaExceeded", "QUOTA_EXCEEDED", "limitExceeded"].contains(&&*self.reason)
            || said.contains("insufficient regional quota")
            || said.contains("insufficient project quota")
            || said.contains("project quota")
            || said.contains("exceeded your allotted")
    }

    /// Returns whether the project has not enabled the service, or the service does not know it yet.
    pub(crate) fn is_disabled(&self) -> bool {
        self.reason == "SERVICE_DISABLED"
            || self.reason == "accessNotConfigured"
            || (self.status == 403 && self.message.contains("has not been used in project"))
    }

    /// Returns the class.
    pub(crate) fn fault(&self) -> Fault {
        if self.is_throttling() || self.status >= 500 || self.code == "ABORTED" {
            return Fault::Transient;
        }
        if self.is_quota() {
            return Fault::Quota;
        }
        match self.status {
            401 | 403 => Fault::Denied,
            409 | 412 => Fault::Conflict,
            _ if self.code == "FAILED_PRECONDITION" => Fault::Conflict,
            _ => Fault::Invalid,
        }
    }
}

impl Trouble {
    /// Returns whether what it failed by passes.
    pub(crate) fn passes(&self) -> Passes {
        match self {
            Self::Refused(refusal) => Passes {
                // Who read what was changed since has to read it again.
                passes: refusal.fault() == Fault::Transient && refusal.code != "ABORTED",
                throttled: refusal.is_throttling(),
                after: Duration::ZERO,
            },
            Self::Lost(error) => Passes {
                passes: error.fault == Fault::Transient,
                ..Passes::default()
            },
        }
    }

    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Lost(_) => None,
        }
    }

    /// Returns whether what was asked for is not there.
    pub(crate) fn is_missing(&self) -> bool {
        self.refusal().is_some_and(|it| it.status == 404)
    }

    /// Returns whether it is there already.
    pub(crate) fn is_there(&self) -> bool {
        let exists = |it: &Refusal| it.code == "ALREADY_EXISTS" || it.reason == "alreadyExists";
        self.refusal().is_some_and(exists)
    }

    /// Returns whether the project has not enabled the service, or the service does not know it yet.
    pub(crate) fn is_disabled(&self) -> bool {
        self.refusal().is_some_and(Refusal::is_disabled)
    }

    /// Returns whether what was asked for is nothing that there could be.
    pub(crate) fn is_invalid(&self) -> bool {
        self.refusal()
            .is_some_and(|it| it.fault() == Fault::Invalid)
    }

    /// Returns whether the caller may not.
    pub(crate) fn is_denied(&self) -> bool {
        self.refusal().is_some_and(|it| it.fault() == Fault::Denied)
    }

    /// Returns whether something else is just going on there, which ends by itself.
    pub(crate) fn is_busy(&self) -> bool {
        let busy = |it: &Refusal| {
            let said = &it.message;
            (it.code == "FAILED_PRECONDITION" || it.status == 409)
                && (said.contains("incompatible operation")
                    || said.contains("is currently being")
                    || said.contains("operation in progress")
                    || said.contains("currently operating on"))
        };
        self.refusal().is_some_and(busy)
    }

    /// Returns whether something else hangs on it.
    pub(crate) fn is_used(&self) -> bool {
        let used = |it: &Refusal| {
            it.reason == "resourceInUseByAnotherResource"
                || it.reason == "resourceNotReady"
                || it.message.contains("is already being used by")
        };
        self.refusal().is_some_and(used)
    }

    /// Returns whether a service account, or the pool of a project's identities, that was just made is not known everywhere yet.
    pub(crate) fn is_unknown_identity(&self) -> bool {
        let unknown = |it: &Refusal| {
            let said = it.message.to_lowercase();
            it.status == 400
                && said.contains("does not exist")
                && (said.contains("service account")
                    || said.contains("identity pool")
                    || said.contains("identity namespace"))
        };
        self.refusal().is_some_and(unknown)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Lost(error) => error,
            Trouble::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Lost(error)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let fault = refusal.fault();
        let code = match refusal.code.is_empty() {
            true => format!("status {}", refusal.status),
            false => refusal.code.clone(),
        };
        let service = refusal.service.name();
        let mut error = Self::new(fault, format!("{service} {}: {code}", refusal.action));
        if !refusal.message.is_empty() {
            error = error.cause(refusal.message.clone());
        }
        if refusal.is_disabled() {
            return error.hint(format!("enable it: windlass setup google does, or: gcloud services enable {service}.googleapis.com"));
        }
        match fault {
            Fault::Denied if refusal.status == 401 => {
                error.hint("sign in again: gcloud auth application-default login")
            }
            Fault::Denied => {
                error.hint("allow it: templates/gcp/role.yaml holds all that windlass calls")
            }
            Fault::Quota => {
                error.hint("ask for more: https://console.cloud.google.com/iam-admin/quotas")
            }
            _ => error,
        }
    }
}

/// Returns the class of what an operation or a cluster ended with, and what to do, by its words.
///
/// Source: <https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#code> (`GCE_STOCKOUT`,
/// `GCE_QUOTA_EXCEEDED`, `GKE_SERVICE_ACCOUNT_DELETED`)
pub(crate) fn explain(said: &str) -> (Fault, Option<&'static str>) {
    let lower = said.to_lowercase();
    let has = |word: &str| lower.contains(word);
    if has("quota") {
        (
            Fault::Quota,
            Some(
                "use smaller or fewer nodes, or ask for more: https://console.cloud.google.com/iam-admin/quotas",
            ),
        )
    } else if has("stockout") || has("does not have enough resources") {
        (
            Fault::Unavailable,
            Some(
                "the zone has no such machines left now: choose another zone or machine type, or try again later",
            ),
        )
    } else if has("service_account_deleted") {
        (
            Fault::Failed,
            Some(
                "GKE's own service account of the project is gone: gcloud beta services identity create --service=container.googleapis.com",
            ),
        )
    } else if has("ip_space_exhausted") || has("ip space") {
        (
            Fault::Invalid,
            Some("choose a subnetwork with more addresses: subnetwork in [clusters.NAME.google]"),
        )
    } else if has("permission_denied")
        || has("permission denied")
        || has("does not have permission")
    {
        (
            Fault::Denied,
            Some("allow it: templates/gcp/role.yaml holds all that windlass calls"),
        )
    } else {
        (Fault::Failed, None)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(status: u16, code: &str, reason: &str, message: &str) -> Refusal {
        let body = json!({ "error": {
            "code": status, "status": code, "message": message,
            "details": [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason }],
        }});
        Refusal::read(
            Service::Container,
            "clusters.create",
            status,
            body.to_string().as_bytes(),
        )
    }

    #[test]
    fn refusals_have_the_class_that_decides_what_happens_next() {
        let short = "Insufficient regional quota to satisfy request: resource \"CPUS\"";
        for (status, code, reason, message, fault) in [
            (
                429,
                "RESOURCE_EXHAUSTED",
                "RATE_LIMIT_EXCEEDED",
                "",
                Fault::Transient,
            ),
            (429, "RESOURCE_EXHAUSTED", "", "", Fault::Transient),
            (403, "", "rateLimitExceeded", "", Fault::Transient),
            (503, "UNAVAILABLE", "", "", Fault::Transient),
            (409, "ABORTED", "", "", Fault::Transient),
            (403, "PERMISSION_DENIED", "", short, Fault::Quota),
            (403, "", "quotaExceeded", "", Fault::Quota),
            (
                403,
                "PERMISSION_DENIED",
                "IAM_PERMISSION_DENIED",
                "",
                Fault::Denied,
            ),
            (401, "UNAUTHENTICATED", "", "", Fault::Denied),
            (409, "ALREADY_EXISTS", "", "", Fault::Conflict),
            (400, "FAILED_PRECONDITION", "", "", Fault::Conflict),
            (400, "INVALID_ARGUMENT", "", "", Fault::Invalid),
        ] {
            let refusal = refusal(status, code, reason, message);
            assert_eq!(refusal.fault(), fault, "{refusal:?}");
        }
    }

    #[test]
    fn compute_s_older_form_is_read_too() {
        let body = json!({ "error": { "code": 400, "message": "used", "errors": [{ "reason": "resourceInUseByAnotherResource" }] } });
        let read = Refusal::read(
            Service::Compute,
            "disks.delete",
            400,
            body.to_string().as_bytes(),
        );
        assert!(Trouble::Refused(read).is_used());
    }

    #[test]
    fn what_passes_soon_is_known_by_each_service_s_words() {
        let said = "Cluster is running incompatible operation operation-1.";
        assert!(Trouble::Refused(refusal(400, "FAILED_PRECONDITION", "", said)).is_busy());
        assert!(!Trouble::Refused(refusal(400, "FAILED_PRECONDITION", "", "no")).is_busy());
        let said = "Service account x@p.iam.gserviceaccount.com does not exist.";
        assert!(Trouble::Refused(refusal(400, "INVALID_ARGUMENT", "", said)).is_unknown_identity());
        assert!(
            Trouble::Refused(refusal(403, "PERMISSION_DENIED", "SERVICE_DISABLED", ""))
                .is_disabled()
        );
    }

    #[test]
    fn the_words_of_an_operation_say_whether_to_wait_or_to_ask_for_more() {
        assert_eq!(explain("[GCE_STOCKOUT]: Instance x").0, Fault::Unavailable);
        assert_eq!(explain("Insufficient quota 'CPUS'").0, Fault::Quota);
        assert_eq!(explain("boom"), (Fault::Failed, None));
    }
}
