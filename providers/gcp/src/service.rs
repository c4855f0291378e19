//! The services that are asked, and where each is.

use crate::session::variable;

/// A service of Google Cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// GKE.
    Container,
    /// Machines, disks and networks.
    Compute,
    /// Projects.
    Projects,
    /// APIs of projects.
    Usage,
    /// Billing accounts.
    Billing,
    /// Service accounts.
    Iam,
    /// Tokens of service accounts.
    Credentials,
    /// Who one is.
    Identity,
}

impl Service {
    /// Returns the service's name, which its URL and its permissions begin with.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Compute => "compute",
            Self::Projects => "cloudresourcemanager",
            Self::Usage => "serviceusage",
            Self::Billing => "cloudbilling",
            Self::Iam => "iam",
            Self::Credentials => "iamcredentials",
            Self::Identity => "openidconnect",
        }
    }

    /// Returns where it is, without a slash at the end: Google's own URL, or the one that a variable names, as for gcloud.
    ///
    /// Source: <https://cloud.google.com/sdk/gcloud/reference/config/set> (`api_endpoint_overrides`)
    pub(crate) fn at(self) -> String {
        let name = self.name();
        let named = variable(&format!(
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_{}",
            name.to_uppercase()
        ));
        let url = named.unwrap_or_else(|| format!("https://{name}.googleapis.com"));
        url.trim_end_matches('/').to_owned()
    }
}
