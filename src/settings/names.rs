//! The rules of Kubernetes for names, labels and taints, and those for Git.

use super::words::Ruled;

/// Namespaces that Kubernetes or a component of the platform owns.
const RESERVED: [&str; 9] = [
    "azureserviceoperator-system",
    "cert-manager",
    "crossplane-system",
    "default",
    "external-secrets",
    "flux-system",
    "istio-system",
    "traefik",
    "windlass-system",
];

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A DNS label (RFC 1123): the name of a namespace, a node pool, a component or an environment.
pub(super) fn label(text: &str) -> Ruled<String> {
    if is_label(text) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "\"{}\" is not a name: allowed are 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a \
             letter or digit",
            text.escape_debug()
        ))
    }
}

/// The name of a team's namespace: a label that nothing of the platform's has.
pub(super) fn namespace(text: &str) -> Ruled<String> {
    let name = label(text)?;
    if name.starts_with("kube-") || RESERVED.contains(&text) {
        return Err(format!(
            "\"{name}\" is reserved for the platform: choose another name"
        ));
    }
    Ok(name)
}

/// Names of components between commas.
pub(super) fn labels(text: &str) -> Ruled<Vec<String>> {
    text.split(',').map(|name| label(name.trim())).collect()
}

fn is_qualified(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// The key of a label or a taint: a name, with the prefix of a domain before it or without
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>).
pub(super) fn label_key(text: &str) -> Ruled<String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    let domain = |prefix: &str| prefix.len() <= 253 && prefix.split('.').all(is_label);
    if is_qualified(name) && prefix.is_none_or(domain) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "\"{}\" is not the key of a label: write one such as tier or example.org/tier",
            text.escape_debug()
        ))
    }
}

/// The value of a label or a taint, which may be empty.
pub(super) fn label_value(text: &str) -> Ruled<String> {
    if text.is_empty() || is_qualified(text) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "\"{}\" is not the value of a label: allowed are up to 63 letters, digits, hyphens, underscores and dots, \
             beginning and ending with a letter or digit",
            text.escape_debug()
        ))
    }
}

/// The URL of a Git repository, as Flux takes it
/// (<https://fluxcd.io/flux/components/source/gitrepositories/#url>). What is refused is not shown: it may hold a password.
pub(super) fn git_url(text: &str) -> Ruled<String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(
            "it is not the URL of a Git repository: write https://host/path or ssh://git@host/path"
                .to_owned(),
        );
    };
    if !["https", "http", "ssh"].contains(&scheme) {
        return Err("only https://, http:// and ssh:// are allowed".to_owned());
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if user.contains(':') || (scheme != "ssh" && !user.is_empty()) {
        return Err(
            "it holds credentials, which do not belong into a file: take them out".to_owned(),
        );
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || host.is_empty() || path.is_empty() || text.contains(['?', '#']) {
        return Err(
            "it is not the URL of a Git repository: write https://host/path or ssh://git@host/path"
                .to_owned(),
        );
    }
    Ok(text.to_owned())
}

/// The name of a branch or a tag, by the rules of git-check-ref-format(1) that matter.
pub(super) fn git_reference(text: &str) -> Ruled<String> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"~^:?*[\\".contains(&byte));
    if !plain || text.is_empty() || text.starts_with(['-', '/']) || text.contains("..") {
        return Err(format!(
            "\"{}\" is not the name of a branch or tag",
            text.escape_debug()
        ));
    }
    Ok(text.to_owned())
}

/// A commit, whole.
pub(super) fn git_commit(text: &str) -> Ruled<String> {
    if [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!(
            "\"{}\" is not a commit: all its 40 hexadecimal digits are wanted",
            text.escape_debug()
        ))
    }
}

/// A folder in a repository.
pub(super) fn git_path(text: &str) -> Ruled<String> {
    let escapes = text.split('/').any(|part| part == "..");
    if text.is_empty() || text.starts_with('/') || escapes || text.chars().any(char::is_control) {
        return Err(format!(
            "\"{}\" is not a folder of the repository: write one such as kubernetes or clusters/dot",
            text.escape_debug()
        ));
    }
    Ok(text.to_owned())
}
