//! The known causes of kind's and the engines' failures: what class they are of, and what to do.
//!
//! The words are those of docker, podman, nerdctl and kind; kind's page of known issues explains most:
//! <https://kind.sigs.k8s.io/docs/user/known-issues/>.

use windlass_provider::Fault;

use crate::{engine::Engine, programs::advise};

/// A cause that is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// Its class.
    pub(crate) fault: Fault,
    /// What to do.
    pub(crate) hints: Vec<String>,
    /// Whether it is the engine itself that cannot be reached.
    pub(crate) about_engine: bool,
}

/// Returns how to start an engine that is installed but does not run.
pub(crate) fn how_to_start(engine: Engine) -> Vec<String> {
    let mac = cfg!(target_os = "macos");
    let hint = match engine {
        Engine::Docker if mac => "start Docker Desktop (open -a Docker), OrbStack or colima",
        Engine::Docker => {
            "start docker: sudo systemctl start docker (on WSL: start Docker Desktop)"
        }
        Engine::Podman if mac => "start podman's machine: podman machine start",
        Engine::Podman => "see what podman says: podman info",
        Engine::Nerdctl => "start containerd: sudo systemctl start containerd",
    };
    vec![hint.to_owned()]
}

/// One line of the table of causes: all of some alternatives' words, in lower case.
struct Known {
    words: &'static [&'static [&'static str]],
    fault: Fault,
    hints: &'static [&'static str],
}

const PORT: &str = "free the port, or use others: --http-port 8080 --https-port 8443 (http-port, https-port in [clusters.NAME.kind] of windlass.toml; 0: none)";
const NETWORK: &str = "check the network and HTTPS_PROXY; the node image is pulled by the container engine, which may need the proxy in its own settings";
const IMAGE: &str = "in a closed network, load the image beforehand and name it: image in [clusters.NAME.kind] of windlass.toml";

/// In the order in which they are looked for: what is more telling comes first.
const KNOWN: &[Known] = &[
    Known {
        words: &[
            &["port is already allocated"],
            &["ports are not available", "in use"],
            &["bind: address already in use"],
            &["failed to bind host port", "in use"],
        ],
        fault: Fault::Conflict,
        hints: &[PORT],
    },
    Known {
        words: &[
            &["cannot expose privileged port"],
            &["bind: permission denied"],
        ],
        fault: Fault::Denied,
        hints: &[
            "an engine without root's rights may not use ports below 1024: take others (--http-port 8080 --https-port 8443)",
            "or allow it: sudo sysctl net.ipv4.ip_unprivileged_port_start=80",
        ],
    },
    Known {
        words: &[&["no space left on device"], &["disk quota exceeded"]],
        fault: Fault::Failed,
        hints: &[
            "free some disk space: docker system df shows what uses it, docker system prune removes what nothing needs",
        ],
    },
    Known {
        words: &[&["too many open files"], &["inotify"]],
        fault: Fault::Failed,
        hints: &[
            "raise the limits of inotify: sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512",
            "https://kind.sigs.k8s.io/docs/user/known-issues/#pod-errors-due-to-too-many-open-files",
        ],
    },
    Known {
        words: &[
            &["already exist for a cluster with the name"],
            &["container name", "already in use"],
        ],
        fault: Fault::Conflict,
        hints: &["choose another name with --cluster, or look at what is there: kind get clusters"],
    },
    Known {
        words: &[&["toomanyrequests"], &["pull rate limit"]],
        fault: Fault::Quota,
        hints: &["log in to the registry to pull more: docker login", IMAGE],
    },
    Known {
        words: &[
            &["manifest unknown"],
            &["failed to pull image", "not found"],
            &["pull access denied"],
            &["invalid reference format"],
            &["manifest for", "not found"],
        ],
        fault: Fault::Invalid,
        hints: &[
            "no such node image: https://github.com/kubernetes-sigs/kind/releases lists the Kubernetes versions that kind has images of",
            "change kubernetes-version, or image in [clusters.NAME.kind] of windlass.toml, or leave both out",
        ],
    },
    Known {
        words: &[
            &["no such host"],
            &["network is unreachable"],
            &["no route to host"],
            &["failed to pull image", "connection refused"],
            &["failed to pull image", "certificate"],
        ],
        fault: Fault::Unavailable,
        hints: &[NETWORK, IMAGE],
    },
    Known {
        words: &[
            &["failed to pull image", "timeout"],
            &["failed to pull image", "connection reset"],
            &["failed to pull image", "eof"],
            &["failed to pull image", "500 internal server error"],
            &["failed to pull image", "502 bad gateway"],
            &["failed to pull image", "503 service unavailable"],
            &["failed to pull image", "504 gateway timeout"],
            &[
                "failed to pull image",
                "temporary failure in name resolution",
            ],
        ],
        fault: Fault::Transient,
        hints: &[NETWORK, IMAGE],
    },
    Known {
        words: &[&["failed to pull image"]],
        fault: Fault::Failed,
        hints: &[NETWORK, IMAGE],
    },
    Known {
        words: &[&["running kind with rootless provider"]],
        fault: Fault::Invalid,
        hints: &[
            "prepare the machine for an engine without root's rights: https://kind.sigs.k8s.io/docs/user/rootless/",
        ],
    },
    Known {
        words: &[
            &["non-overlapping"],
            &["predefined address pools have been fully subnetted"],
        ],
        fault: Fault::Conflict,
        hints: &["remove networks that nothing uses: docker network prune"],
    },
    Known {
        words: &[&["could not find a log line that matches"]],
        fault: Fault::Failed,
        hints: &[
            "the node's system did not start; often inotify's limits are too low: sudo sysctl fs.inotify.max_user_instances=512",
            "https://kind.sigs.k8s.io/docs/user/known-issues/",
        ],
    },
    Known {
        words: &[
            &["failed to init node with kubeadm"],
            &["failed to join node with kubeadm"],
        ],
        fault: Fault::Failed,
        hints: &[
            "Kubernetes did not start in the node; give the engine more memory (4 GiB at least) and disk space",
            "see why, by hand: kind create cluster --retain, then kind export logs",
        ],
    },
];

/// Returns the cause that a failed program's words tell of; `None` where they tell of none that is known.
pub(crate) fn know(text: &str, engine: Option<Engine>) -> Option<Cause> {
    let text = text.to_lowercase();
    let has = |words: &[&str]| words.iter().all(|word| text.contains(word));
    if let Some(cause) = unreachable(&has, engine) {
        return Some(cause);
    }
    let known = KNOWN
        .iter()
        .find(|known| known.words.iter().any(|words| has(words)))?;
    Some(Cause {
        fault: known.fault,
        hints: known.hints.iter().map(|&hint| hint.to_owned()).collect(),
        about_engine: false,
    })
}

fn unreachable(has: &impl Fn(&[&str]) -> bool, engine: Option<Engine>) -> Option<Cause> {
    let engine = engine.unwrap_or(Engine::Docker);
    let cause = |fault, hints| {
        Some(Cause {
            fault,
            hints,
            about_engine: true,
        })
    };
    if has(&["permission denied", "docker daemon socket"])
        || has(&["permission denied", "docker api"])
        || has(&["permission denied", "docker.sock"])
    {
        return cause(
            Fault::Denied,
            vec![
                "let your user use docker: sudo usermod -aG docker \"$USER\", then log in again (or: newgrp docker)".to_owned(),
                "https://docs.docker.com/engine/install/linux-postinstall/".to_owned(),
            ],
        );
    }
    if has(&["permission denied", "containerd.sock"]) {
        return cause(
            Fault::Denied,
            vec![
                "set up containerd for your user: containerd-rootless-setuptool.sh install"
                    .to_owned(),
            ],
        );
    }
    if has(&["docker: command not found"]) {
        return cause(Fault::Unavailable, advise("docker"));
    }
    let gone = [
        &["cannot connect to the docker daemon"][..],
        &["is the docker daemon running"],
        &["failed to connect to the docker api"],
        &["error during connect"],
        &["cannot connect to podman"],
        &["unable to connect to podman"],
        &["cannot access containerd socket"],
    ];
    if gone.iter().any(|words| has(words)) {
        return cause(Fault::Unavailable, how_to_start(engine));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_known_cause_has_its_class_and_a_hint() {
        use Fault::{Conflict, Denied, Failed, Invalid, Quota, Transient, Unavailable};
        for (text, fault, hint) in [
            (
                "Bind for 127.0.0.1:80 failed: port is already allocated",
                Conflict,
                "--http-port",
            ),
            (
                "rootlessport listen tcp 0.0.0.0:80: bind: address already in use",
                Conflict,
                "--http-port",
            ),
            (
                "Error: rootlessport cannot expose privileged port 80",
                Denied,
                "ip_unprivileged_port_start",
            ),
            (
                "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
                Unavailable,
                "start",
            ),
            (
                "Cannot connect to Podman. Please verify your connection",
                Unavailable,
                "start",
            ),
            (
                "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
                Denied,
                "usermod -aG docker",
            ),
            (
                "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
                Denied,
                "usermod -aG docker",
            ),
            (
                "write /var/lib/docker/tmp/x: no space left on device",
                Failed,
                "prune",
            ),
            (
                "Failed to create inotify object: Too many open files",
                Failed,
                "max_user_instances",
            ),
            (
                "node(s) already exist for a cluster with the name \"dot\"",
                Conflict,
                "--cluster",
            ),
            (
                "failed to pull image \"x\": toomanyrequests: You have reached your pull rate limit",
                Quota,
                "docker login",
            ),
            (
                "failed to pull image \"kindest/node:v1.99.0\": manifest unknown",
                Invalid,
                "kubernetes-version",
            ),
            (
                "failed to pull image: dial tcp: lookup registry-1.docker.io: no such host",
                Unavailable,
                "HTTPS_PROXY",
            ),
            (
                "failed to pull image: net/http: TLS handshake timeout",
                Transient,
                "HTTPS_PROXY",
            ),
            ("failed to pull image: what is this", Failed, "HTTPS_PROXY"),
            (
                "could not find a log line that matches \"Reached target\"",
                Failed,
                "inotify",
            ),
            (
                "failed to init node with kubeadm: exit status 1",
                Failed,
                "memory",
            ),
            (
                "running kind with rootless provider requires cgroup v2",
                Invalid,
                "rootless",
            ),
        ] {
            let known =
                know(text, Some(Engine::Docker)).unwrap_or_else(|| panic!("unknown: {text}"));
            assert_eq!(known.fault, fault, "{text}");
            assert!(
                known.hints.iter().any(|h| h.contains(hint)),
                "{text}: {:?}",
                known.hints
            );
        }
        assert_eq!(know("something else", None), None);
    }
}
