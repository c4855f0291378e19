//! Where links lead.

/// Returns whether a link leads to where `base` does.
pub(super) fn is_within(link: &str, base: &str) -> bool {
    let origin = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        Some((scheme.to_lowercase(), host.to_lowercase()))
    };
    origin(link).is_some() && origin(link) == origin(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_azure_only() {
        let base = "https://management.azure.com";
        assert!(is_within(
            "https://Management.azure.com/subscriptions/x?y",
            base
        ));
        for other in [
            "http://management.azure.com/x",
            "https://management.azure.com.example.org/x",
            "https://example.org/management.azure.com",
            "management.azure.com",
        ] {
            assert!(!is_within(other, base), "{other}");
        }
    }
}
