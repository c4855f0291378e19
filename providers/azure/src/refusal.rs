//! What Azure refuses, in the classes that callers act on.

use std::time::Duration;

use serde_json::Value;
use windlass_http::Passes;
use windlass_provider::{Error, Fault};

/// The result of one call.
pub(crate) type Answer<T> = Result<T, Trouble>;

/// Why a call brought nothing.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// Azure said no.
    Refused(Refusal),
    /// Nothing that can be read came back, or it was not waited for.
    Lost(Error),
}

/// What Azure said no to, and why.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refusal {
    /// What was to be done: "create the managed cluster".
    pub(crate) action: String,
    /// The status of the answer; 0 where an operation failed that had been taken on.
    pub(crate) status: u16,
    /// The code: "AuthorizationFailed".
    pub(crate) code: String,
    /// What Azure says.
    pub(crate) message: String,
    /// What Azure says further, as "code: message".
    pub(crate) details: Vec<String>,
    /// In how many seconds it may be tried again, if Azure says so.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    /// Reads the error of an answer or of an operation.
    ///
    /// Source: <https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#handling-errors>
    pub(crate) fn read(action: &str, status: u16, body: &Value) -> Self {
        // Entra has its own form: {"error": "invalid_client", "error_description": "…"}.
        if let (Some(code), Some(message)) =
            (body["error"].as_str(), body["error_description"].as_str())
        {
            let message = message.lines().next().unwrap_or_default();
            return Self::new(action, status, code, message);
        }
        let error = match &body["error"] {
            Value::Null => body,
            error => error,
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().trim().to_owned();
        let mut refusal = Self::new(
            action,
            status,
            &text(&error["code"]),
            &text(&error["message"]),
        );
        let details = error["details"].as_array().into_iter().flatten();
        refusal.details = details
            .map(|it| match (text(&it["code"]), text(&it["message"])) {
                (code, message) if code.is_empty() => message,
                (code, message) => format!("{code}: {message}"),
            })
            .filter(|it| !it.is_empty() && *it != format!("{}: {}", refusal.code, refusal.message))
            .collect();
        refusal
    }

    fn new(action: &str, status: u16, code: &str, message: &str) -> Self {
        Self {
            action: action.to_owned(),
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            ..Self::default()
        }
    }

    fn says(&self, words: &str) -> bool {
        let words = words.to_lowercase();
        let mut said = self.details.iter().chain([&self.code, &self.message]);
        said.any(|it| it.to_lowercase().contains(&words))
    }

    /// Returns whether too much was asked for in too short a time.
    pub(crate) fn is_throttling(&self) -> bool {
        self.status == 429
            || [
                "TooManyRequests",
                "SubscriptionRequestsThrottled",
                "ResourceRequestsThrottled",
            ]
            .contains(&self.code.as_str())
    }

    /// Returns the class.
    pub(crate) fn fault(&self) -> Fault {
        let code = self.code.as_str();
        if self.is_throttling() || self.status >= 500 || self.status == 408 {
            return Fault::Transient;
        }
        if self.status == 401 || self.status == 403 || self.is_identity_s() {
            return Fault::Denied;
        }
        if code.contains("AuthorizationFailed") || code == "RequestDisallowedByPolicy" {
            return Fault::Denied;
        }
        if self.says("quota") || code.contains("LimitReached") || code.contains("LimitExceeded") {
            return Fault::Quota;
        }
        match (self.status, code) {
            (409, "MissingSubscriptionRegistration") => Fault::Unavailable,
            (409, _) => Fault::Conflict,
            // An operation that had been taken on, and whose request was sound.
            (0, _) => Fault::Failed,
            _ => Fault::Invalid,
        }
    }

    /// Returns whether Entra refused to say who one is.
    fn is_identity_s(&self) -> bool {
        [
            "invalid_client",
            "unauthorized_client",
            "invalid_grant",
            "invalid_request",
        ]
        .contains(&self.code.as_str())
    }
}

impl Trouble {
    /// Returns whether what it failed by passes.
    pub(crate) fn passes(&self) -> Passes {
        match self {
            Self::Refused(refusal) => Passes {
                passes: refusal.fault() == Fault::Transient,
                throttled: refusal.is_throttling(),
                after: Duration::from_secs(refusal.retry_after.unwrap_or(0)),
            },
            Self::Lost(error) => Passes {
                passes: error.fault == Fault::Transient,
                ..Passes::default()
            },
        }
    }

    /// Returns whether Azure refused with one of these codes.
    pub(crate) fn is(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Refused(refusal) if codes.contains(&refusal.code.as_str()))
    }

    /// Returns whether what was named is not there.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == 404) || self.is_unregistered()
    }

    /// Returns whether the subscription has not registered what was asked: then it has nothing of it, either.
    pub(crate) fn is_unregistered(&self) -> bool {
        self.is(&["MissingSubscriptionRegistration"])
    }

    /// Returns whether an operation failed that Azure had taken on.
    pub(crate) fn is_failed(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == 0)
    }

    /// Returns whether something else is being done to what was named, or to what it is a part of, and ends by itself.
    ///
    /// Source: <https://learn.microsoft.com/troubleshoot/azure/azure-kubernetes/error-codes/operationnotallowed-error>
    pub(crate) fn is_busy(&self) -> bool {
        let Self::Refused(refusal) = self else {
            return false;
        };
        let conflict = refusal.status == 409 && refusal.fault() == Fault::Conflict;
        let known = [
            "OperationNotAllowed",
            "AnotherOperationInProgress",
            "RequestConflict",
            "Conflict",
            "ConflictingConcurrentWriteNotAllowed",
            "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
            "EtagMismatch",
            "ResourceGroupBeingDeleted",
            "ParentResourceBeingDeleted",
        ];
        conflict && (known.contains(&refusal.code.as_str()) || refusal.says("in progress"))
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Lost(error)
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

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let fault = refusal.fault();
        let said = match (refusal.code.as_str(), refusal.message.as_str()) {
            ("", "") => format!("HTTP status {}", refusal.status),
            ("", message) => message.to_owned(),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        };
        let error = Self::new(fault, format!("{}: {said}", refusal.action));
        let error = refusal.details.iter().fold(error, Self::cause);
        match fault {
            Fault::Denied if refusal.status == 401 || refusal.is_identity_s() => error
                .hint("sign in again: az login; or check AZURE_CLIENT_ID, AZURE_TENANT_ID and what proves them")
                .hint("see who you are: windlass credentials check --provider azure"),
            Fault::Denied if refusal.code == "RequestDisallowedByPolicy" => {
                error.hint("a policy of the subscription forbids it: ask whoever keeps it, or choose what it allows")
            }
            Fault::Denied => error.hint(
                "ask for the role in templates/azure/role.json, which allows all that windlass calls",
            ),
            Fault::Quota => error.hint(
                "use smaller or fewer nodes or another location, or ask for more: https://portal.azure.com/#view/Microsoft_Azure_Capacity/QuotaMenuBlade/~/myQuotas",
            ),
            Fault::Unavailable => error.hint("register it: windlass setup azure does so where it may"),
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(status: u16, code: &str, message: &str) -> Refusal {
        let body = json!({ "error": { "code": code, "message": message } });
        Refusal::read("create it", status, &body)
    }

    #[test]
    fn refusals_have_the_class_that_decides_what_happens_next() {
        for (status, code, message, fault) in [
            (429, "TooManyRequests", "", Fault::Transient),
            (503, "ServerTimeout", "", Fault::Transient),
            (401, "InvalidAuthenticationToken", "", Fault::Denied),
            (403, "AuthorizationFailed", "", Fault::Denied),
            (400, "LinkedAuthorizationFailed", "", Fault::Denied),
            (400, "ErrCode_InsufficientVCPUQuota", "", Fault::Quota),
            (
                409,
                "OperationNotAllowed",
                "exceeding approved Total Regional Cores quota",
                Fault::Quota,
            ),
            (
                409,
                "OperationNotAllowed",
                "another operation is in progress",
                Fault::Conflict,
            ),
            (
                409,
                "MissingSubscriptionRegistration",
                "",
                Fault::Unavailable,
            ),
            (400, "InvalidParameter", "", Fault::Invalid),
            (0, "CreateVMSSAgentPoolFailed", "", Fault::Failed),
            (0, "QuotaExceeded", "", Fault::Quota),
        ] {
            assert_eq!(
                refusal(status, code, message).fault(),
                fault,
                "{status} {code}"
            );
        }
        let entra = json!({ "error": "invalid_client", "error_description": "AADSTS7000215: no\r\nTrace: 1" });
        let error = Error::from(Refusal::read("sign in", 400, &entra));
        assert_eq!(error.fault, Fault::Denied);
        assert_eq!(error.message, "sign in: invalid_client: AADSTS7000215: no");
    }

    #[test]
    fn only_what_ends_by_itself_is_waited_out() {
        let busy =
            |code: &str, message: &str| Trouble::Refused(refusal(409, code, message)).is_busy();
        assert!(busy(
            "OperationNotAllowed",
            "Operation is not allowed: Another operation (Updating) is in progress"
        ));
        assert!(busy("ResourceGroupBeingDeleted", ""));
        assert!(!busy(
            "OperationNotAllowed",
            "exceeding approved Total Regional Cores quota"
        ));
        assert!(!busy(
            "InvalidResourceGroupLocation",
            "the group exists in another location"
        ));
    }
}
