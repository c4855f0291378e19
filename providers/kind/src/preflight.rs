//! What is looked at before the first change.

use windlass_provider::{Check, ClusterSpec, Ctx, Facts, Fault, Owner, Verdict};

use crate::{
    containers::{self, Cluster, Container},
    engine::Info,
    health::{self, Phase},
    host::Host,
    ports::{self, Port},
    programs::Programs,
};

/// The oldest kind that node images of today, which hold containerd 2, were made for.
///
/// Source: <https://github.com/kubernetes-sigs/kind/releases/tag/v0.27.0>
const OLDEST_KIND: (u32, u32) = (0, 27);
/// How much free disk space is worth a warning, in bytes: a node image, unpacked, and a platform's images in it.
const SPACE: u64 = 5 << 30;

/// Checks the machine.
pub(crate) async fn check(
    programs: &Programs,
    cx: &Ctx,
    spec: &ClusterSpec,
    facts: &Facts,
) -> Vec<Check> {
    let fact = |key: &str| facts.values.get(key).and_then(|value| value.as_str());
    let mut checks = vec![check_kind(fact("kind-version").unwrap_or("unknown"))];
    let wanted = fact("engine").or(spec.kind.engine.as_deref());
    let found = async {
        let (host, info) = Host::find(programs, cx, wanted).await?;
        let containers = host.containers(cx).await?;
        Ok((host, info, containers))
    };
    let (host, info, containers) = match found.await {
        Ok(found) => found,
        Err(error) => {
            let error: windlass_provider::Error = error;
            let mut detail = vec![error.message];
            detail.extend(error.causes);
            let check = Check::new("container engine", Verdict::Failed, detail.join(": "));
            checks.push(error.hints.into_iter().fold(check, Check::hint));
            return checks;
        }
    };
    let detail = format!("{} {} answers", host.engine, info.version);
    checks.push(Check::new("container engine", Verdict::Passed, detail));
    let clusters = containers::group(containers.clone());
    let there = clusters
        .iter()
        .find(|cluster| cluster.name == spec.name.as_str());
    checks.push(check_name(cx, &host, spec, there, &containers).await);
    if there.is_none() {
        for (name, port) in [
            ("http-port", spec.kind.http_port),
            ("https-port", spec.kind.https_port),
        ] {
            if port != 0 {
                checks
                    .push(check_port(programs, cx, (&host, &info), &containers, name, port).await);
            }
        }
    }
    if programs.here && cfg!(target_os = "linux") {
        checks.extend(check_space(&info.root));
    }
    checks
}

fn check_kind(version: &str) -> Check {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let parsed = parts.next().flatten().zip(parts.next().flatten());
    let name = "kind program";
    match parsed {
        Some(parsed) if parsed < OLDEST_KIND => {
            let (major, minor) = OLDEST_KIND;
            let detail = format!(
                "kind {version} is older than {major}.{minor}, which today's node images want"
            );
            crate::advise("kind")
                .into_iter()
                .fold(Check::new(name, Verdict::Warning, detail), Check::hint)
        }
        Some(_) => Check::new(name, Verdict::Passed, format!("kind {version}")),
        None => Check::new(
            name,
            Verdict::Skipped,
            format!("cannot read kind's version \"{version}\""),
        ),
    }
}

/// Looks at what there is of that name already.
async fn check_name(
    cx: &Ctx,
    host: &Host,
    spec: &ClusterSpec,
    there: Option<&Cluster>,
    containers: &[Container],
) -> Check {
    let name = format!("cluster name \"{}\"", spec.name);
    let Some(cluster) = there else {
        let prefix = ["control-plane", "worker"].map(|role| format!("{}-{role}", spec.name));
        let clash = containers.iter().find(|container| {
            let rest = prefix
                .iter()
                .find_map(|prefix| container.name.strip_prefix(prefix.as_str()));
            rest.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
        });
        return match clash {
            Some(container) => Check::new(
                name,
                Verdict::Failed,
                format!(
                    "container {} has the name of a node and is none of kind's",
                    container.name
                ),
            )
            .hint(format!(
                "remove it ({} rm -f {}), or choose another name with --cluster",
                host.engine, container.name
            )),
            None => Check::new(
                name,
                Verdict::Passed,
                "no kind cluster of that name is there",
            ),
        };
    };
    if cluster.owner == Owner::Foreign {
        let doubt = cluster
            .doubt
            .iter()
            .map(|doubt| format!(" ({doubt})"))
            .collect::<String>();
        let check = Check::new(
            name,
            Verdict::Warning,
            format!(
                "a kind cluster of that name is there, and windlass did not make it{doubt}: it is used as it is and never deleted"
            ),
        );
        return check.hint("choose another name with --cluster for one of your own");
    }
    match health::look(cx, host, cluster)
        .await
        .map(|health| health.phase)
    {
        Ok(Phase::Ready) => Check::new(name, Verdict::Passed, "windlass made it already"),
        Ok(Phase::HalfMade(detail)) => Check::new(
            name,
            Verdict::Warning,
            format!("it was left half made ({detail}) and will be made again"),
        ),
        Ok(phase) => {
            let detail = phase.detail().unwrap_or_default();
            Check::new(
                name,
                Verdict::Warning,
                format!("windlass made it already, but {detail}"),
            )
        }
        Err(error) if error.fault == Fault::Cancelled => {
            Check::new(name, Verdict::Skipped, error.message)
        }
        Err(error) => Check::new(name, Verdict::Failed, error.message),
    }
}

async fn check_port(
    programs: &Programs,
    cx: &Ctx,
    host: (&Host, &Info),
    containers: &[Container],
    setting: &str,
    port: u16,
) -> Check {
    let (host, info) = host;
    let name = format!("port {port}");
    let taken = |by: String| {
        Check::new(
            &name,
            Verdict::Failed,
            format!("{by} has port {port} already"),
        )
        .hint(format!(
            "take another with --{setting} ({setting} in [clusters.NAME.kind] of windlass.toml; 0: none)"
        ))
        .hint(format!(
            "or free it: see who has it with: sudo lsof -nP -iTCP:{port} -sTCP:LISTEN"
        ))
    };
    let mut publishing = containers.iter().filter(|container| {
        container.status == containers::Status::Running
            && container
                .ports
                .values()
                .flatten()
                .any(|&published| published == port)
    });
    if let Some(container) = publishing.next() {
        return taken(format!("container {}", container.name));
    }
    if !programs.here {
        return Check::new(name, Verdict::Passed, "no container has it");
    }
    if info.rootless && port < ports::lowest_open() {
        return Check::new(
            name,
            Verdict::Failed,
            format!(
                "{} runs without root's rights and may not open port {port}",
                host.engine
            ),
        )
        .hint(format!("take a port above 1023 with --{setting}"))
        .hint(format!(
            "or allow it: sudo sysctl net.ipv4.ip_unprivileged_port_start={port}"
        ));
    }
    match ports::look(cx, port).await {
        Port::Taken => taken("some program".to_owned()),
        Port::Free => Check::new(name, Verdict::Passed, "it is free"),
        Port::Unknown => Check::new(name, Verdict::Passed, "nothing answers on it"),
    }
}

/// Where the engine keeps its files, if that is on this machine.
fn check_space(root: &str) -> Option<Check> {
    let stat = rustix::fs::statvfs(root)
        .ok()
        .filter(|_| !root.is_empty())?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let detail = format!(
        "{:.1} GiB are free in {root}",
        free as f64 / f64::from(1 << 30)
    );
    Some(if free < SPACE {
        Check::new("disk space", Verdict::Warning, detail)
            .hint("a cluster and the platform's images need about 5 GiB; see what uses the space: docker system df")
    } else {
        Check::new("disk space", Verdict::Passed, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_kind_is_a_warning_with_a_way_out() {
        assert_eq!(check_kind("0.33.0").verdict, Verdict::Passed);
        assert_eq!(check_kind("1.0.0").verdict, Verdict::Passed);
        let old = check_kind("0.9.0");
        assert_eq!(old.verdict, Verdict::Warning);
        assert!(old.hints[0].contains("install kind"));
        assert_eq!(check_kind("devel").verdict, Verdict::Skipped);
    }

    #[test]
    fn space_is_looked_at_only_where_the_engines_files_are_here() {
        assert!(check_space("").is_none());
        assert!(check_space("/nowhere/docker").is_none());
        assert!(check_space("/").is_some());
    }
}
