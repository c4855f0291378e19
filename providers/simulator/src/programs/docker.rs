//! The program `docker` 28, and the daemon behind it, as far as kind and windlass use them.

mod containers;
mod describe;
mod template;

pub(super) use containers::{create, remove};

use super::{
    Call, Console, Cut, Outcome,
    flags::{self, Flag, switch, value},
    kubectl,
};
use crate::site::{Container, Docker, Status};
use serde_json::{Value, json};

/// Why docker failed: what it prints, and its exit status.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    status: i32,
}

impl Failure {
    fn new(status: i32, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            status,
        }
    }

    fn daemon(message: &str) -> Self {
        Self::new(1, format!("Error response from daemon: {message}"))
    }

    /// Returns the error as kind wraps that of a command which it ran.
    pub(super) fn wrap(&self, command: &str) -> String {
        match self.status {
            127 => format!(
                "command \"{command}\" failed with error: exec: \"docker\": executable file not found in $PATH"
            ),
            status => format!(
                "command \"{command}\" failed with error: exit status {status}\nCommand Output: {}",
                self.message
            ),
        }
    }
}

/// Checks that there is a docker, and that its daemon answers.
pub(super) fn available(console: &Console) -> Result<(), Failure> {
    let docker = console.ground.site().faults.docker;
    match docker {
        Docker::Ok => Ok(()),
        Docker::Absent => Err(Failure::new(127, "docker: command not found")),
        Docker::Stopped => Err(Failure::new(
            1,
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        )),
    }
}

const INFO: &[Flag] = &[value("format", Some('f'))];
const PS: &[Flag] = &[
    switch("all", Some('a')),
    value("filter", Some('f')),
    value("format", None),
    switch("no-trunc", None),
    switch("quiet", Some('q')),
];
const INSPECT: &[Flag] = &[
    value("format", Some('f')),
    value("type", None),
    switch("size", Some('s')),
];
const EXEC: &[Flag] = &[
    switch("interactive", Some('i')),
    switch("tty", Some('t')),
    switch("privileged", None),
    value("env", Some('e')),
    value("user", Some('u')),
    value("workdir", Some('w')),
];
const STOP: &[Flag] = &[
    value("time", Some('t')),
    value("timeout", None),
    value("signal", Some('s')),
];
const REMOVE: &[Flag] = &[switch("force", Some('f')), switch("volumes", Some('v'))];
const LIST: &[Flag] = &[
    value("filter", Some('f')),
    value("format", None),
    switch("quiet", Some('q')),
];
const LOGS: &[Flag] = &[
    value("tail", Some('n')),
    switch("timestamps", Some('t')),
    value("since", None),
];

/// Runs a call.
pub(super) async fn run(console: &Console, call: &Call) -> Outcome {
    let result = match dispatch(console, call).await {
        Ok(result) => result,
        Err(Cut) => return Err(Cut),
    };
    Ok(match result {
        Ok(()) => 0,
        Err(failure) => {
            if !failure.message.is_empty() {
                console.err(&failure.message);
            }
            failure.status
        }
    })
}

async fn dispatch(console: &Console, call: &Call) -> Result<Result<(), Failure>, Cut> {
    let words: Vec<&str> = call.args.iter().map(String::as_str).collect();
    // "docker container ls" is "docker ps", and so on.
    let (command, args) = match words.as_slice() {
        ["container", "ls" | "list" | "ps", ..] => ("ps", &call.args[2..]),
        [
            "container",
            "inspect" | "exec" | "start" | "stop" | "restart" | "pause" | "unpause" | "rm" | "logs",
            ..,
        ] => (words[1], &call.args[2..]),
        ["volume" | "network", ..] => (words[0], &call.args[1..]),
        [command, ..] => (*command, &call.args[1..]),
        [] => return Ok(Err(Failure::new(1, "Usage:  docker [OPTIONS] COMMAND"))),
    };
    if let ["start" | "stop" | "restart" | "pause" | "unpause" | "rm"] = [command] {
        return change(console, call, command, args).await;
    }
    Ok(match command {
        "info" => info(console, args),
        "version" => version(console, args),
        "ps" => ps(console, args),
        "inspect" => inspect(console, args),
        "exec" => exec(console, args).await,
        "logs" => logs(console, args),
        "volume" => volume(console, args),
        "network" => network(console, args),
        other => Err(Failure::new(
            1,
            format!(
                "docker: unknown command: docker {other}\n\nRun 'docker --help' for more information"
            ),
        )),
    })
}

fn parse(
    command: &str,
    args: &[String],
    flags: &'static [Flag],
    interspersed: bool,
) -> Result<flags::Parsed, Failure> {
    flags::parse(args, flags, interspersed).map_err(|error| {
        Failure::new(125, format!("{error}\n\nUsage:  docker {command} [OPTIONS]\n\nRun 'docker {command} --help' for more information"))
    })
}

fn info(console: &Console, args: &[String]) -> Result<(), Failure> {
    let parsed = parse("info", args, INFO, true)?;
    available(console)?;
    let info = describe::info(&console.ground.site());
    match parsed.get("format") {
        Some(format) => {
            console.out(&template::render(format, &info).map_err(|it| Failure::new(64, it))?)
        }
        None => {
            console.out("Client: Docker Engine - Community\n Version:    28.5.1\n\nServer:");
            for (label, field) in [
                ("Containers", "Containers"),
                ("Server Version", "ServerVersion"),
                ("Operating System", "OperatingSystem"),
            ] {
                console.out(&format!(" {label}: {}", template::text(&info[field])));
            }
        }
    }
    Ok(())
}

fn version(console: &Console, args: &[String]) -> Result<(), Failure> {
    let parsed = parse("version", args, INFO, true)?;
    if console.ground.site().faults.docker == Docker::Absent {
        return available(console);
    }
    let daemon = available(console);
    let described = describe::version(daemon.is_ok());
    match parsed.get("format") {
        Some(format) => {
            console.out(&template::render(format, &described).map_err(|it| Failure::new(64, it))?)
        }
        None => {
            console.out(&format!(
                "Client: Docker Engine - Community\n Version:           {}",
                template::text(&described["Client"]["Version"])
            ));
            if daemon.is_ok() {
                console.out(&format!(
                    "\nServer: Docker Engine - Community\n Engine:\n  Version:          {}",
                    template::text(&described["Server"]["Version"])
                ));
            }
        }
    }
    daemon
}

fn ps(console: &Console, args: &[String]) -> Result<(), Failure> {
    let parsed = parse("ps", args, PS, true)?;
    available(console)?;
    let now = console.ground.clock.now();
    let site = console.ground.site();
    let by_status = parsed
        .all("filter")
        .any(|filter| filter.starts_with("status="));
    for filter in parsed.all("filter") {
        describe::matches(None, filter).map_err(|error| Failure::daemon(&error))?;
    }
    let mut found: Vec<&Container> = site
        .containers
        .values()
        .filter(|it| {
            parsed.on("all")
                || by_status
                || it.status == Status::Running
                || it.status == Status::Paused
        })
        .filter(|it| {
            // Filters of one kind widen, those of different kinds narrow, save for labels, which all must hold.
            ["label", "name", "status", "id"].iter().all(|kind| {
                let mut of_kind = parsed
                    .all("filter")
                    .filter(|filter| filter.starts_with(&format!("{kind}=")))
                    .peekable();
                let holds = |filter: &str| describe::matches(Some(it), filter).unwrap_or(false);
                match *kind {
                    "label" => of_kind.all(holds),
                    _ => of_kind.peek().is_none() || of_kind.any(holds),
                }
            })
        })
        .collect();
    found.sort_by_key(|it| std::cmp::Reverse(it.created));
    let rows: Vec<Value> = found
        .iter()
        .map(|it| describe::row(it, now, parsed.on("no-trunc")))
        .collect();
    if parsed.on("quiet") {
        rows.iter()
            .for_each(|row| console.out(&template::text(&row["ID"])));
        return Ok(());
    }
    let Some(format) = parsed.get("format") else {
        console.out("CONTAINER ID   IMAGE   COMMAND   CREATED   STATUS   PORTS   NAMES");
        for row in &rows {
            let fields = [
                "ID",
                "Image",
                "Command",
                "RunningFor",
                "Status",
                "Ports",
                "Names",
            ];
            console.out(&fields.map(|field| template::text(&row[field])).join("   "));
        }
        return Ok(());
    };
    for row in &rows {
        console.out(&template::render(format, row).map_err(|it| Failure::new(64, it))?);
    }
    Ok(())
}

fn inspect(console: &Console, args: &[String]) -> Result<(), Failure> {
    let parsed = parse("inspect", args, INSPECT, true)?;
    if parsed.rest.is_empty() {
        return Err(Failure::new(
            1,
            "docker: 'docker inspect' requires at least 1 argument",
        ));
    }
    available(console)?;
    let site = console.ground.site();
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for name in &parsed.rest {
        match find(site.containers.values(), name) {
            Some(container) => found.push(describe::inspect(container)),
            None => missing.push(match parsed.get("type") {
                Some("container") => {
                    format!("Error response from daemon: No such container: {name}")
                }
                _ => format!("error: no such object: {name}"),
            }),
        }
    }
    match parsed.get("format") {
        Some(format) if format != "json" => {
            for container in &found {
                console
                    .out(&template::render(format, container).map_err(|it| Failure::new(64, it))?);
            }
        }
        _ => console.out(&format!("{:#}", Value::Array(found))),
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(1, missing.join("\n"))),
    }
}

fn find<'a>(
    mut containers: impl Iterator<Item = &'a Container>,
    name: &str,
) -> Option<&'a Container> {
    let name = name.strip_prefix('/').unwrap_or(name);
    containers.find(|it| it.name == name || (name.len() >= 4 && it.id.starts_with(name)))
}

fn named(console: &Console, name: &str) -> Result<Container, Failure> {
    let site = console.ground.site();
    let container = find(site.containers.values(), name).cloned();
    container.ok_or_else(|| Failure::daemon(&format!("No such container: {name}")))
}

async fn exec(console: &Console, args: &[String]) -> Result<(), Failure> {
    let parsed = parse("exec", args, EXEC, false)?;
    let [name, command @ ..] = parsed.rest.as_slice() else {
        return Err(Failure::new(
            1,
            "docker: 'docker exec' requires at least 2 arguments",
        ));
    };
    if command.is_empty() {
        return Err(Failure::new(
            1,
            "docker: 'docker exec' requires at least 2 arguments",
        ));
    }
    available(console)?;
    let container = named(console, name)?;
    if container.status != Status::Running {
        let state = if container.status == Status::Paused {
            "paused"
        } else {
            "not running"
        };
        return Err(Failure::daemon(&format!(
            "container {} is {state}",
            container.id
        )));
    }
    let status = kubectl::exec(console, &container, command).await;
    match status {
        0 => Ok(()),
        status => Err(Failure::new(status, "")),
    }
}

/// Starts, stops, restarts, pauses or removes containers.
async fn change(
    console: &Console,
    call: &Call,
    command: &str,
    args: &[String],
) -> Result<Result<(), Failure>, Cut> {
    let flags = match command {
        "stop" | "restart" => STOP,
        "rm" => REMOVE,
        _ => &[],
    };
    let parsed = match parse(command, args, flags, true) {
        Ok(parsed) => parsed,
        Err(failure) => return Ok(Err(failure)),
    };
    if parsed.rest.is_empty() {
        return Ok(Err(Failure::new(
            1,
            format!("docker: 'docker {command}' requires at least 1 argument"),
        )));
    }
    if let Err(failure) = available(console) {
        return Ok(Err(failure));
    }
    let mutation = console.begin(call).await?;
    let mut failures = Vec::new();
    for name in &parsed.rest {
        match named(console, name)
            .and_then(|container| containers::act(console, command, container, parsed.on("force")))
        {
            Ok(()) => console.out(name),
            Err(failure) => failures.push(failure.message),
        }
    }
    console.ground.settle();
    console.end(&mutation).await?;
    Ok(match failures.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(1, failures.join("\n"))),
    })
}

fn logs(console: &Console, args: &[String]) -> Result<(), Failure> {
    let parsed = parse("logs", args, LOGS, true)?;
    available(console)?;
    let container = named(console, parsed.rest.first().map_or("", String::as_str))?;
    console.out("INFO: starting init");
    if container.status != Status::Created {
        console.out("Welcome to Debian GNU/Linux 13 (trixie)!\n[  OK  ] Reached target multi-user.target - Multi-User System.");
    }
    Ok(())
}

fn volume(console: &Console, args: &[String]) -> Result<(), Failure> {
    let parsed = parse("volume ls", args, LIST, true)?;
    available(console)?;
    if parsed.rest.first().map(String::as_str) != Some("ls") {
        return Err(Failure::new(1, "docker: unknown command: docker volume"));
    }
    let volumes: Vec<Value> = console.ground.site().containers.values().map(|it| json!({
        "Driver": "local", "Name": it.volume, "Scope": "local", "Mountpoint": format!("/var/lib/docker/volumes/{}/_data", it.volume),
    })).collect();
    list(console, &parsed, &volumes, ["Driver", "Name"])
}

fn network(console: &Console, args: &[String]) -> Result<(), Failure> {
    let parsed = parse("network ls", args, LIST, true)?;
    available(console)?;
    let networks = describe::networks(&console.ground.site());
    match parsed
        .rest
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["ls"] => list(console, &parsed, &networks, ["ID", "Name"]),
        ["inspect", names @ ..] => {
            let mut found = Vec::new();
            for name in names {
                let network = networks.iter().find(|it| it["Name"] == *name);
                found.push(
                    network
                        .ok_or_else(|| Failure::daemon(&format!("network {name} not found")))?
                        .clone(),
                );
            }
            match parsed.get("format") {
                Some(format) if format != "json" => {
                    for network in &found {
                        console.out(
                            &template::render(format, network)
                                .map_err(|it| Failure::new(64, it))?,
                        );
                    }
                }
                _ => console.out(&format!("{:#}", Value::Array(found))),
            }
            Ok(())
        }
        _ => Err(Failure::new(1, "docker: unknown command: docker network")),
    }
}

fn list(
    console: &Console,
    parsed: &flags::Parsed,
    rows: &[Value],
    columns: [&str; 2],
) -> Result<(), Failure> {
    for row in rows {
        console.out(&match parsed.get("format") {
            Some(format) => template::render(format, row).map_err(|it| Failure::new(64, it))?,
            None if parsed.on("quiet") => template::text(&row[columns[1]]),
            None => columns
                .map(|column| template::text(&row[column]))
                .join("   "),
        });
    }
    Ok(())
}
