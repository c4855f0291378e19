//! Containers, networks and the daemon as docker describes them.

use crate::site::{Container, Role, Site, Status};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

const VERSION: &str = "28.5.1";

/// Returns what `docker info` says.
pub(super) fn info(site: &Site) -> Value {
    let count = |status: Status| {
        site.containers
            .values()
            .filter(|it| it.status == status)
            .count()
    };
    json!({
        "ID": "8f0c6a39-5f0b-4d5c-9c0e-1d2f3a4b5c6d",
        "Containers": site.containers.len(),
        "ContainersRunning": count(Status::Running),
        "ContainersPaused": count(Status::Paused),
        "ContainersStopped": count(Status::Exited),
        "Images": site.images.len(),
        "Driver": "overlay2",
        "MemoryLimit": true,
        "PidsLimit": true,
        "CPUShares": true,
        "CgroupDriver": "systemd",
        "CgroupVersion": "2",
        "OperatingSystem": "Debian GNU/Linux 13 (trixie)",
        "OSType": "linux",
        "Architecture": "x86_64",
        "NCPU": 4,
        "MemTotal": 8_326_217_728_u64,
        "DockerRootDir": "/var/lib/docker",
        "Name": "rehearsal",
        "ServerVersion": VERSION,
        "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
        "ServerErrors": [],
    })
}

/// Returns what `docker version` says.
pub(super) fn version(daemon: bool) -> Value {
    let part = json!({
        "Version": VERSION, "ApiVersion": "1.51", "GitCommit": "f8215cc", "GoVersion": "go1.24.8", "Os": "linux", "Arch": "amd64",
    });
    json!({"Client": part, "Server": if daemon { part } else { Value::Null }})
}

/// Returns whether a filter of `docker ps` fits a container; an error where docker knows no such filter.
pub(super) fn matches(container: Option<&Container>, filter: &str) -> Result<bool, String> {
    let Some((kind, wanted)) = filter.split_once('=') else {
        return Err(format!("invalid filter '{filter}'"));
    };
    if !["label", "name", "status", "id"].contains(&kind) {
        return Err(format!("invalid filter '{kind}'"));
    }
    if kind == "status"
        && ![
            "created",
            "restarting",
            "running",
            "removing",
            "paused",
            "exited",
            "dead",
        ]
        .contains(&wanted)
    {
        return Err(format!("invalid filter 'status={wanted}'"));
    }
    let Some(container) = container else {
        return Ok(true);
    };
    Ok(match kind {
        "label" => labels(container)
            .iter()
            .any(|(key, value)| match wanted.split_once('=') {
                Some((name, text)) => key == name && *value == text,
                None => key == wanted,
            }),
        // A regular expression in docker; the anchors are what it is used with.
        "name" => {
            let bare = wanted
                .trim_start_matches('^')
                .trim_start_matches('/')
                .trim_end_matches('$');
            match (wanted.starts_with('^'), wanted.ends_with('$')) {
                (true, true) => container.name == bare,
                (true, false) => container.name.starts_with(bare),
                (false, true) => container.name.ends_with(bare),
                (false, false) => container.name.contains(bare),
            }
        }
        "status" => container.status.as_str() == wanted,
        _ => container.id.starts_with(wanted),
    })
}

fn labels(container: &Container) -> Map<String, Value> {
    let mut labels = Map::new();
    labels.insert("io.x-k8s.kind.cluster".to_owned(), json!(container.cluster));
    labels.insert(
        "io.x-k8s.kind.role".to_owned(),
        json!(container.role.as_str()),
    );
    labels
}

/// Returns a row of `docker ps`.
pub(super) fn row(container: &Container, now: Timestamp, whole: bool) -> Value {
    let labels: Vec<String> = labels(container)
        .iter()
        .map(|(key, value)| format!("{key}={}", super::template::text(value)))
        .collect();
    let ports: Vec<String> = container
        .ports
        .iter()
        .map(|port| {
            format!(
                "{}:{}->{}/{}",
                port.address, port.host, port.container, port.protocol
            )
        })
        .collect();
    let up = matches!(container.status, Status::Running | Status::Paused);
    let mounts: Vec<&str> = container
        .mounts
        .iter()
        .map(|mount| mount.source.as_str())
        .collect();
    let age = ago(container.created, now);
    let status = match container.status {
        Status::Created => "Created".to_owned(),
        Status::Running => format!("Up {}", ago(container.started, now)),
        Status::Paused => format!("Up {} (Paused)", ago(container.started, now)),
        Status::Exited => format!(
            "Exited (137) {} ago",
            ago(container.finished.unwrap_or(now), now)
        ),
    };
    json!({
        "Command": if whole { "\"/usr/local/bin/entrypoint /sbin/init\"" } else { "\"/usr/local/bin/entr…\"" },
        "CreatedAt": container.created.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string(),
        "ID": if whole { container.id.as_str() } else { &container.id[..12] },
        "Image": container.image,
        "Labels": labels.join(","),
        "LocalVolumes": "1",
        "Mounts": mounts.join(","),
        "Names": container.name,
        "Networks": "kind",
        "Ports": if up { ports.join(", ") } else { String::new() },
        "RunningFor": format!("{age} ago"),
        "Size": "0B",
        "State": container.status.as_str(),
        "Status": status,
    })
}

/// Returns what `docker inspect` says of a container.
pub(super) fn inspect(container: &Container) -> Value {
    let up = matches!(container.status, Status::Running | Status::Paused);
    let mut bindings = Map::new();
    for port in &container.ports {
        let key = format!("{}/{}", port.container, port.protocol);
        let binding = json!({"HostIp": port.address, "HostPort": port.host.to_string()});
        match bindings.get_mut(&key).and_then(Value::as_array_mut) {
            Some(known) => known.push(binding),
            None => {
                bindings.insert(key, json!([binding]));
            }
        }
    }
    let mut mounts = vec![
        json!({
            "Type": "volume", "Name": container.volume, "Source": format!("/var/lib/docker/volumes/{}/_data", container.volume),
            "Destination": "/var", "Driver": "local", "Mode": "", "RW": true, "Propagation": "",
        }),
        json!({
            "Type": "bind", "Source": "/lib/modules", "Destination": "/lib/modules", "Mode": "ro", "RW": false, "Propagation": "rprivate",
        }),
    ];
    let mut binds = vec!["/lib/modules:/lib/modules:ro".to_owned()];
    for mount in &container.mounts {
        let mode = if mount.read_only { "ro" } else { "" };
        mounts.push(json!({
            "Type": "bind", "Source": mount.source, "Destination": mount.destination, "Mode": mode, "RW": !mount.read_only,
            "Propagation": "rprivate",
        }));
        let suffix = if mount.read_only { ":ro" } else { "" };
        binds.push(format!("{}:{}{suffix}", mount.source, mount.destination));
    }
    let exit = if container.status == Status::Exited {
        137
    } else {
        0
    };
    let finished = container
        .finished
        .map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |at| at.to_string());
    let environment = match container.role {
        Role::ControlPlane => json!(["container=docker", "KUBECONFIG=/etc/kubernetes/admin.conf"]),
        _ => json!(["container=docker"]),
    };
    json!({
        "Id": container.id,
        "Created": container.created,
        "Path": "/usr/local/bin/entrypoint",
        "Args": ["/sbin/init"],
        "State": {
            "Status": container.status.as_str(), "Running": up, "Paused": container.status == Status::Paused, "Restarting": false,
            "OOMKilled": false, "Dead": false, "Pid": if up { 4242 } else { 0 }, "ExitCode": exit, "Error": "",
            "StartedAt": container.started, "FinishedAt": finished,
        },
        "Image": format!("sha256:{}", crate::ground::digest(&container.image)),
        "Name": format!("/{}", container.name),
        "RestartCount": 0,
        "Driver": "overlay2",
        "Platform": "linux",
        "Mounts": mounts,
        "Config": {
            "Hostname": container.name, "Image": container.image, "Tty": true, "Env": environment, "Labels": labels(container),
            "Entrypoint": ["/usr/local/bin/entrypoint", "/sbin/init"],
        },
        "HostConfig": {
            "Binds": binds, "NetworkMode": "kind", "PortBindings": bindings, "Privileged": true,
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 1},
        },
        "NetworkSettings": {
            "Ports": if up { Value::Object(bindings.clone()) } else { json!({}) },
            "Networks": {"kind": {
                "IPAddress": if up { container.address.as_str() } else { "" }, "Gateway": "172.18.0.1", "IPPrefixLen": 16,
                "DNSNames": [container.name, container.id[..12]],
            }},
        },
    })
}

/// Returns the networks: docker's own, and kind's once it was used.
pub(super) fn networks(site: &Site) -> Vec<Value> {
    let network = |name: &str, subnet: &str, gateway: &str, members: Value| {
        let id = crate::ground::digest(name);
        json!({
            "Name": name, "ID": id[..12], "Id": id, "Driver": "bridge", "Scope": "local",
            "IPAM": {"Driver": "default", "Config": [{"Subnet": subnet, "Gateway": gateway}]}, "Containers": members,
        })
    };
    let mut networks = vec![network("bridge", "172.17.0.0/16", "172.17.0.1", json!({}))];
    if !site.lives.is_empty() {
        let running = site
            .containers
            .values()
            .filter(|it| it.status == Status::Running);
        let members: Map<String, Value> = running
            .map(|it| {
                (
                    it.id.clone(),
                    json!({"Name": it.name, "IPv4Address": format!("{}/16", it.address)}),
                )
            })
            .collect();
        networks.push(network(
            "kind",
            "172.18.0.0/16",
            "172.18.0.1",
            Value::Object(members),
        ));
    }
    networks
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0 => "Less than a second".to_owned(),
        1..60 => format!("{seconds} seconds"),
        60..120 => "About a minute".to_owned(),
        120..3600 => format!("{} minutes", seconds / 60),
        3600..7200 => "About an hour".to_owned(),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86400),
    }
}
