//! The token of a cluster's API: a signed question of who one is, which the API asks in one's name.
//!
//! Source: <https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster>

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use windlass_provider::{Error, Fault, Result};

/// How long the API takes a token, less a minute for clocks that differ: the authenticator takes 15 minutes whatever the URL says.
pub(crate) const LASTS: Duration = Duration::from_secs(14 * 60);
/// What the URL itself says, as botocore has it.
const URL_LASTS: Duration = Duration::from_secs(60);

/// Returns the token for a cluster. `base` is the URL of the Security Token Service, without a slash at its end.
pub(crate) fn token(
    base: &str,
    region: &str,
    cluster: &str,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<String> {
    let cannot = |error: String| {
        let message = format!("cannot sign the token of cluster \"{cluster}\"");
        Error::new(Fault::Failed, message).cause(error)
    };
    let url = format!("{base}/?Action=GetCallerIdentity&Version=2011-06-15");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(URL_LASTS);
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(SystemTime::from(at))
        .settings(settings)
        .build()
        .map_err(|error| cannot(error.to_string()))?
        .into();
    let headers = [("x-k8s-aws-id", cluster)].into_iter();
    let request = SignableRequest::new("GET", url.as_str(), headers, SignableBody::Bytes(b""))
        .map_err(|error| cannot(error.to_string()))?;
    let (instructions, _) = sign(request, &parameters)
        .map_err(|error| cannot(error.to_string()))?
        .into_parts();
    let mut signed = url;
    for (key, value) in instructions.params() {
        signed.push_str(&format!("&{key}={}", crate::client::encode(value)));
    }
    Ok(format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(signed)))
}
