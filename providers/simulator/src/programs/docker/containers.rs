//! What the daemon does to containers: makes, starts, stops and removes them, and gives out host ports and addresses.

use super::Failure;
use crate::{
    programs::Console,
    site::{Container, Entry, Port, Status},
};

/// Carries out a command on one container.
pub(super) fn act(
    console: &Console,
    command: &str,
    mut container: Container,
    force: bool,
) -> Result<(), Failure> {
    let now = console.ground.clock.now();
    let up = matches!(container.status, Status::Running | Status::Paused);
    match command {
        "rm" => {
            if up && !force {
                return Err(Failure::daemon(&format!(
                    "cannot remove container \"{}\": container is running: stop the container before removing or force remove",
                    container.name
                )));
            }
            console.ground.write(Entry::ContainerGone {
                name: container.name,
            });
            return Ok(());
        }
        "pause" if container.status != Status::Running => {
            return Err(Failure::daemon(&format!(
                "container {} is not running",
                container.id
            )));
        }
        "pause" => container.status = Status::Paused,
        "unpause" if container.status != Status::Paused => {
            return Err(Failure::daemon(&format!(
                "Container {} is not paused",
                container.id
            )));
        }
        "unpause" => container.status = Status::Running,
        "stop" if up => {
            container.status = Status::Exited;
            container.finished = Some(now);
        }
        "stop" => return Ok(()),
        "start" if up => return Ok(()),
        _ => {
            clash(console, &container)?;
            container.status = Status::Running;
            container.started = now;
        }
    }
    console.ground.write(Entry::Container(Box::new(container)));
    Ok(())
}

/// Gives a container that is about to be made its address and its host ports, or says why it cannot be made.
pub(in crate::programs) fn create(
    console: &Console,
    container: &Container,
) -> Result<Container, Failure> {
    let mut container = container.clone();
    if console.ground.site().faults.no_space {
        return Err(Failure::new(
            125,
            "docker: Error response from daemon: mkdir /var/lib/docker/overlay2: no space left on device",
        ));
    }
    clash(console, &container)
        .map_err(|failure| Failure::new(125, format!("docker: {}", failure.message)))?;
    let site = console.ground.site();
    for port in container.ports.iter_mut().filter(|port| port.host == 0) {
        let used = |host: u16| {
            let published = site.containers.values().flat_map(|it| &it.ports);
            site.faults.taken_ports.contains(&host) || published.clone().any(|it| it.host == host)
        };
        // The range that kind picks from is the kernel's; any free one will do.
        port.host = (32768..).find(|host| !used(*host)).unwrap_or(32768);
    }
    let taken = |address: &str| site.containers.values().any(|it| it.address == address);
    let free = (2..255)
        .map(|last| format!("172.18.0.{last}"))
        .find(|address| !taken(address));
    container.address = free.ok_or_else(|| Failure::new(125, "docker: Error response from daemon: no available IPv4 addresses on this network's address pools: kind"))?;
    Ok(container)
}

/// Refuses host ports that are taken.
fn clash(console: &Console, container: &Container) -> Result<(), Failure> {
    let site = console.ground.site();
    for port in container.ports.iter().filter(|port| port.host != 0) {
        let others = site
            .containers
            .values()
            .filter(|it| it.name != container.name);
        let running = others.filter(|it| matches!(it.status, Status::Running | Status::Paused));
        let same = |other: &&Port| {
            let any = other.address == "0.0.0.0" || port.address == "0.0.0.0";
            other.host == port.host
                && other.protocol == port.protocol
                && (any || other.address == port.address)
        };
        let cause = if running.flat_map(|it| &it.ports).any(|other| same(&other)) {
            format!(
                "Bind for {}:{} failed: port is already allocated",
                port.address, port.host
            )
        } else if site.faults.taken_ports.contains(&port.host) {
            format!(
                "failed to bind host port {}:{}/{}: address already in use",
                port.address, port.host, port.protocol
            )
        } else {
            continue;
        };
        return Err(Failure::daemon(&format!(
            "failed to set up container networking: driver failed programming external connectivity on endpoint {} ({}): {cause}",
            container.name, container.id
        )));
    }
    Ok(())
}

/// Removes a container by force, with its cluster when it was the last of its control plane.
pub(in crate::programs) fn remove(console: &Console, name: &str) {
    let known = console.ground.site().containers.contains_key(name);
    if known {
        console.ground.write(Entry::ContainerGone {
            name: name.to_owned(),
        });
        console.ground.settle();
    }
}
