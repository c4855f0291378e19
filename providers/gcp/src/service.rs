//! The services that are asked, and where each is.

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
            Self::Identity => "openidconnect",
        }
    }

    /// Returns the service's own URL.
    pub(crate) fn url(self) -> String {
        format!("https://{}.googleapis.com", self.name())
    }

    /// Returns the variable that names another URL of it, as for gcloud.
    ///
    /// Source: <https://cloud.google.com/sdk/gcloud/reference/config/set> (`api_endpoint_overrides`)
    pub(crate) fn endpoint_variable(self) -> String {
        let name = self.name().to_uppercase();
        format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}")
    }
}
