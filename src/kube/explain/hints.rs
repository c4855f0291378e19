//! What to type or to change, by the words that the cluster uses.

use crate::kube::ObjectRef;

/// Words of causes, and what helps. `{pod}` and `{object}` become the kubectl arguments that name them.
const KNOWN: [(&[&str], &str); 20] = [
    (
        &["ImagePullBackOff", "ErrImagePull"],
        "check the image's name and tag, and that the cluster's nodes reach its registry: kubectl describe {pod}",
    ),
    (
        &["InvalidImageName"],
        "the image's name is not one: correct it in the values of the component",
    ),
    (
        &["OOMKilled", "exit code 137"],
        "the container ran out of memory: raise its memory limit in the values of the component",
    ),
    (
        &["CrashLoopBackOff"],
        "read what it said before it ended: kubectl logs {pod} --previous",
    ),
    (
        &["CreateContainerConfigError", "FailedMount"],
        "a Secret or ConfigMap that the pod names may be missing: kubectl describe {pod}",
    ),
    (
        &["Insufficient ", "Too many pods"],
        "no node has room for the pod: use more or larger nodes, or lower its requests",
    ),
    (
        &["free ports for the requested pod ports"],
        "another pod has a port of the node that this one wants: windlass install lists what there is; let one of them listen elsewhere",
    ),
    (
        &["Unschedulable", "FailedScheduling"],
        "see why no node takes the pod: kubectl describe {pod}",
    ),
    (
        &[
            "MANIFEST_UNKNOWN",
            "NAME_UNKNOWN",
            "with version matching",
            "no chart name found",
        ],
        "the registry does not have that chart, package or version: check both, and choose another in windlass.toml",
    ),
    (
        &["UNAUTHORIZED", "DENIED", "authentication required"],
        "the registry wants a credential that the cluster does not have, or the name is wrong",
    ),
    (
        &[WEBHOOK],
        "an admission webhook does not answer: see whether the pods behind {service} run",
    ),
    (
        &[
            "no such host",
            "i/o timeout",
            "connection refused",
            "TLS handshake timeout",
        ],
        "the cluster cannot reach what it needs: check its network, DNS and proxy",
    ),
    (
        &["toomanyrequests", "TOOMANYREQUESTS", "rate limit"],
        "the registry limits pulls: wait, or use a mirror",
    ),
    (
        &["x509:"],
        "the cluster does not trust a certificate: a proxy may replace it; give the cluster its authority",
    ),
    (
        &["exceeded quota"],
        "a ResourceQuota of the namespace is used up: kubectl describe quota --all-namespaces",
    ),
    (
        &["violates PodSecurity"],
        "the namespace's Pod Security level forbids such pods: set its label pod-security.kubernetes.io/enforce",
    ),
    (
        &["no matches for kind", "ensure CRDs are installed first"],
        "a CRD is missing: install what defines that kind first, or turn its use off in the values of the component",
    ),
    (
        &["Suspended:"],
        "resume it: kubectl patch {object} --type merge -p '{\"spec\":{\"suspend\":false}}'",
    ),
    (
        &["InstallFailed", "UpgradeFailed", "RetriesExceeded"],
        "see all that Helm said: kubectl describe {object}",
    ),
    (
        &["ProgressDeadlineExceeded", "BackoffLimitExceeded"],
        "see its pods and events: kubectl describe {object}",
    ),
];

/// What the API says where a webhook does not answer; why, is said of that webhook and of nothing else.
const WEBHOOK: &str = "failed calling webhook";

/// How many hints are given at most.
const MOST: usize = 2;

/// Returns what may help against `causes`; where nothing is known, how to look closer.
pub(super) fn of(causes: &[String], object: &ObjectRef, pod: Option<&ObjectRef>) -> Vec<String> {
    let named = arguments(object);
    let pod = pod.map_or_else(|| named.clone(), arguments);
    // What an application says, and why its probes fail, is its own affair: words in it would mislead.
    let telling =
        |cause: &&String| !cause.starts_with("log: ") && !cause.starts_with("event: Unhealthy");
    let service = causes.iter().find_map(|cause| webhook_service(cause));
    let service = service.unwrap_or_else(|| "it".to_owned());
    let says = |cause: &String, word: &str| {
        let text = match cause.split_once(WEBHOOK) {
            Some((before, _)) if word != WEBHOOK => before,
            _ => cause,
        };
        text.contains(word)
    };
    let mut hints: Vec<_> = KNOWN
        .iter()
        .filter(|(words, _)| {
            causes
                .iter()
                .filter(telling)
                .any(|cause| words.iter().any(|word| says(cause, word)))
        })
        .take(MOST)
        .map(|(_, hint)| {
            hint.replace("{pod}", &pod)
                .replace("{object}", &named)
                .replace("{service}", &service)
        })
        .collect();
    if hints.is_empty() {
        hints.push(format!("look closer: kubectl describe {named}"));
    }
    hints
}

/// Returns the Service of a webhook that did not answer, with how to look at it, by the URL that was asked.
fn webhook_service(cause: &str) -> Option<String> {
    let (_, rest) = cause.split_once(WEBHOOK)?;
    let (_, url) = rest.split_once("https://")?;
    let (host, _) = url.split_once(".svc")?;
    let (name, namespace) = host.split_once('.')?;
    Some(format!(
        "Service {namespace}/{name} (kubectl get pods -n {namespace})"
    ))
}

/// Returns how kubectl is told of an object: "-n a-team deployment.apps/web".
fn arguments(object: &ObjectRef) -> String {
    let kind = object.kind.to_lowercase();
    let kind = match object.group() {
        "" => kind,
        group => format!("{kind}.{group}"),
    };
    match &object.namespace {
        Some(namespace) => format!("-n {namespace} {kind}/{}", object.name),
        None => format!("{kind}/{}", object.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_say_what_to_type() {
        let release = ObjectRef::namespaced(
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            "flux-system",
            "traefik",
        );
        let pod = ObjectRef::namespaced("v1", "Pod", "traefik", "traefik-1");
        let of = |causes: &[&str], pod: Option<&ObjectRef>| {
            let causes: Vec<_> = causes.iter().map(|&cause| cause.to_owned()).collect();
            super::of(&causes, &release, pod)
        };
        assert_eq!(
            of(&["x: CrashLoopBackOff: back-off 10s"], Some(&pod)),
            ["read what it said before it ended: kubectl logs -n traefik pod/traefik-1 --previous"]
        );
        assert_eq!(
            of(&["x: InstallFailed: y"], None),
            [
                "see all that Helm said: kubectl describe -n flux-system helmrelease.helm.toolkit.fluxcd.io/traefik"
            ]
        );
        assert_eq!(
            of(&["something new"], None),
            [
                "look closer: kubectl describe -n flux-system helmrelease.helm.toolkit.fluxcd.io/traefik"
            ]
        );
        let webhook = "x: InstallFailed: Internal error occurred: failed calling webhook \"w.a.io\": failed to call webhook: Post \
            \"https://hook.a.svc:443/v?timeout=30s\": dial tcp 10.96.0.9:443: connect: connection refused";
        assert_eq!(
            of(&[webhook], None)[0],
            "an admission webhook does not answer: see whether the pods behind Service a/hook (kubectl get pods -n a) run"
        );
        assert!(!of(&[webhook], None)[1].contains("network"));
        let many = of(
            &["OOMKilled", "CrashLoopBackOff", "exceeded quota"],
            Some(&pod),
        );
        assert_eq!(many.len(), MOST);
    }
}
