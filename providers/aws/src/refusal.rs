//! What AWS's services refuse, in the classes that callers act on.

use std::time::Duration;

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
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The service.
    pub(crate) service: Service,
    /// The region.
    pub(crate) region: String,
    /// The call: "CreateCluster".
    pub(crate) action: &'static str,
    /// The status of the answer.
    pub(crate) status: u16,
    /// The code: "ResourceInUseException"; empty where it has none.
    pub(crate) code: String,
    /// What the service says.
    pub(crate) message: String,
}

/// Codes that pass by themselves, besides all that come with a status of 500 and above. The services name the same thing differently.
///
/// Source: botocore's `data/_retry.json` and its `throttled` and `transient` checkers.
const PASSING: [&str; 19] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "IDPCommunicationError",
    "InternalError",
    "InternalFailure",
    "LimitExceededException.Throttling",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServerException",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Codes that say that the caller may not, or is nobody.
const DENIED: [&str; 15] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
    "InvalidSignatureException",
];

impl Refusal {
    /// Returns whether too much was asked for in too short a time.
    pub(crate) fn is_throttling(&self) -> bool {
        self.status == 429
            || self.code.contains("Throttl")
            || [
                "RequestLimitExceeded",
                "TooManyRequestsException",
                "SlowDown",
            ]
            .contains(&self.code.as_str())
    }

    /// Returns the class.
    pub(crate) fn fault(&self) -> Fault {
        let code = self.code.as_str();
        if self.is_throttling() || self.status >= 500 || PASSING.contains(&code) {
            return Fault::Transient;
        }
        if DENIED.contains(&code) || self.status == 401 {
            return Fault::Denied;
        }
        // CloudFormation's LimitExceededException, EKS's ResourceLimitExceededException, EC2's VpcLimitExceeded and their like.
        if code.contains("LimitExceeded") || code == "ServiceQuotaExceededException" {
            return Fault::Quota;
        }
        if code.contains("InUse") || code.contains("AlreadyExists") || code == "DependencyViolation"
        {
            return Fault::Conflict;
        }
        if self.status == 403 {
            return Fault::Denied;
        }
        Fault::Invalid
    }
}

impl Trouble {
    /// Returns whether what it failed by passes.
    pub(crate) fn passes(&self) -> Passes {
        match self {
            Self::Refused(refusal) => Passes {
                passes: refusal.fault() == Fault::Transient,
                throttled: refusal.is_throttling(),
                after: Duration::ZERO,
            },
            Self::Lost(error) => Passes {
                passes: error.fault == Fault::Transient,
                ..Passes::default()
            },
        }
    }

    /// Returns whether the service refused with one of these codes.
    pub(crate) fn is(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Refused(refusal) if codes.contains(&refusal.code.as_str()))
    }

    /// Returns whether the service said that what was asked for is not there.
    pub(crate) fn is_missing(&self) -> bool {
        let Self::Refused(Refusal { code, message, .. }) = self else {
            return false;
        };
        // CloudFormation has one code for all mistakes.
        code == "ResourceNotFoundException"
            || code == "NoSuchEntity"
            || code == "LoadBalancerNotFound"
            || code == "TargetGroupNotFound"
            || code.ends_with(".NotFound")
            || (code == "ValidationError" && message.contains("does not exist"))
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
        let Refusal {
            service,
            region,
            action,
            status,
            code,
            message,
        } = refusal;
        let code = match code.is_empty() {
            true => format!("status {status}"),
            false => code,
        };
        let error = Self::new(fault, format!("{action}: {code} in {region}"));
        let error = match message.is_empty() {
            true => error,
            false => error.cause(message),
        };
        match fault {
            Fault::Denied if ["ExpiredToken", "ExpiredTokenException"].contains(&&*code) => error
                .hint("the credentials have ended: sign in again, as with: aws sso login"),
            Fault::Denied
                if [
                    "InvalidClientTokenId",
                    "UnrecognizedClientException",
                    "InvalidAccessKeyId",
                    "AuthFailure",
                ]
                .contains(&&*code) =>
            {
                error.hint("AWS does not know these credentials: see which are used: windlass credentials check --provider aws")
            }
            Fault::Denied
                if ["SignatureDoesNotMatch", "InvalidSignatureException"].contains(&&*code) =>
            {
                error.hint("the secret key is not that of the access key, or this machine's clock is wrong: see both: windlass credentials check --provider aws; date")
            }
            Fault::Denied => error.hint(format!(
                "allow {}:{action}: templates/aws/policy.json holds all that windlass calls",
                service.permission()
            )),
            Fault::Quota => error.hint(format!(
                "ask for more: https://{region}.console.aws.amazon.com/servicequotas/home/services/{}/quotas",
                service.quota()
            )),
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str, message: &str) -> Refusal {
        Refusal {
            service: Service::Eks,
            region: "eu-west-1".into(),
            action: "CreateCluster",
            status,
            code: code.into(),
            message: message.into(),
        }
    }

    #[test]
    fn refusals_have_the_class_that_decides_what_happens_next() {
        for (status, code, fault) in [
            (400, "ThrottlingException", Fault::Transient),
            (400, "Throttling", Fault::Transient),
            (503, "RequestLimitExceeded", Fault::Transient),
            (429, "", Fault::Transient),
            (500, "InternalFailure", Fault::Transient),
            (403, "AccessDeniedException", Fault::Denied),
            (403, "UnauthorizedOperation", Fault::Denied),
            (400, "ExpiredTokenException", Fault::Denied),
            (403, "RequestTimeTooSkewed", Fault::Denied),
            (400, "ResourceLimitExceededException", Fault::Quota),
            (400, "VpcLimitExceeded", Fault::Quota),
            (409, "ResourceInUseException", Fault::Conflict),
            (400, "DependencyViolation", Fault::Conflict),
            (400, "InvalidParameterException", Fault::Invalid),
        ] {
            assert_eq!(refusal(status, code, "").fault(), fault, "{status} {code}");
        }
    }

    #[test]
    fn a_denied_call_says_which_permission_it_wants() {
        let error: Error = refusal(403, "AccessDeniedException", "you may not").into();
        assert_eq!(
            error.to_line(),
            "CreateCluster: AccessDeniedException in eu-west-1: you may not"
        );
        assert!(
            error.hints[0].starts_with("allow eks:CreateCluster"),
            "{error:?}"
        );
    }

    #[test]
    fn what_is_not_there_is_known_by_each_service_s_words() {
        let stack = refusal(
            400,
            "ValidationError",
            "Stack with id windlass-dot does not exist",
        );
        assert!(Trouble::Refused(stack).is_missing());
        let other = refusal(400, "ValidationError", "Template format error");
        assert!(!Trouble::Refused(other).is_missing());
        for code in [
            "InvalidVolume.NotFound",
            "InvalidGroup.NotFound",
            "ResourceNotFoundException",
        ] {
            assert!(
                Trouble::Refused(refusal(400, code, "")).is_missing(),
                "{code}"
            );
        }
    }
}
