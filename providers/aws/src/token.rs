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
    // The signature stands last, as the SDKs of others have it.
    let (last, first): (Vec<_>, Vec<_>) = instructions
        .params()
        .iter()
        .partition(|(key, _)| *key == "X-Amz-Signature");
    for (key, value) in first.into_iter().chain(last) {
        signed.push_str(&format!("&{key}={}", crate::client::encode(value)));
    }
    Ok(format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(signed)))
}

#[cfg(test)]
mod tests {
    use std::{io::Write, process::Command};

    use super::*;

    fn decoded(token: &str) -> String {
        let url = token.strip_prefix("k8s-aws-v1.").unwrap();
        String::from_utf8(URL_SAFE_NO_PAD.decode(url).unwrap()).unwrap()
    }

    #[test]
    fn a_token_is_what_botocore_makes_of_the_same() {
        // An environment of Python with botocore in it; .ci/tools makes one.
        let Some(tools) = std::env::var_os("WINDLASS_TEST_AWS") else {
            let told = "SKIPPED: no token is compared with botocore's: WINDLASS_TEST_AWS names no folder\n";
            // Written past the test harness, which would swallow it.
            std::io::stderr().write_all(told.as_bytes()).unwrap();
            return;
        };
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/eks_token.py");
        let at = Timestamp::from_second(1_763_920_000).unwrap();
        for (region, cluster, session) in [
            ("eu-west-1", "dot", None),
            ("us-east-1", "a-1-b2", Some("FwoGZXIvYXdzEBYaD/+=token")),
        ] {
            let credentials = Credentials::new(
                "AKIDEXAMPLE",
                "wJalr/+=",
                session.map(str::to_owned),
                None,
                "test",
            );
            let base = format!("https://sts.{region}.amazonaws.com");
            let ours = token(&base, region, cluster, &credentials, at).unwrap();
            let ran = Command::new(std::path::Path::new(&tools).join("bin/python"))
                .arg(script)
                .args([
                    "AKIDEXAMPLE",
                    "wJalr/+=",
                    session.unwrap_or("-"),
                    region,
                    cluster,
                    "1763920000",
                ])
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success(), "{said}");
            let theirs = String::from_utf8(ran.stdout).unwrap();
            assert_eq!(decoded(&ours), decoded(theirs.trim()));
            assert_eq!(ours, theirs.trim());
        }
    }
}
