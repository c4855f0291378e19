//! `windlass ingress`: where the ingress controller is reached.

use std::{io, sync::Arc, time::Duration};

use clap::{Args, Subcommand};
use serde::Serialize;
use windlass_provider::{Ctx, Progress};

use super::{
    App,
    component_flags::{Target, TargetFlags},
    components::load_catalog,
};
use crate::{
    catalog::Catalog,
    error::{Error, Kind, Result},
    files::dotenv::{self, Written},
    settings::parse_duration,
    steps::{self, INGRESS_CLASSES, IngressAddress, LookUp},
};

/// Say where the ingress controller is reached.
#[derive(Debug, Args)]
pub(super) struct IngressArgs {
    #[command(subcommand)]
    command: IngressCommand,
}

#[derive(Debug, Subcommand)]
enum IngressCommand {
    Address(Box<AddressArgs>),
}

/// Print the address of the ingress controller, and write it into .env as INGRESS_IP and INGRESS_HOST.
///
/// The address is the one of the controller's load balancer; on Kind it is this machine's. Where a cloud gives a name and no
/// address, the name is resolved. INGRESS_HOST is a name that leads to the address, for the rules of Ingresses.
#[derive(Debug, Args)]
struct AddressArgs {
    /// Which ingress controller [default: the one that is installed]
    #[arg(long, value_name = "CLASS", value_parser = INGRESS_CLASSES)]
    class: Option<String>,
    /// Wait until it is ready and has an address
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration, requires = "wait")]
    timeout: Duration,
    /// What the names of the variables begin with, as in APP_INGRESS_IP
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true, value_parser = prefix)]
    env_prefix: String,
    /// The domain below which INGRESS_HOST is: one whose names lead to the address in them [default: nip.io; sslip.io for IPv6]
    #[arg(long, value_name = "DOMAIN", env = "WINDLASS_INGRESS_DOMAIN", value_parser = domain)]
    domain: Option<String>,
    #[command(flatten)]
    target: TargetFlags,
}

fn prefix(text: &str) -> std::result::Result<String, String> {
    let letters = |text: &str| text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    if letters(text) && !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err("letters, digits and _ make the name of a variable, and no digit begins it".to_owned())
}

fn domain(text: &str) -> std::result::Result<String, String> {
    let text = text.trim_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    if text.len() <= 200 && text.split('.').all(label) {
        return Ok(text);
    }
    Err("write a domain as nip.io".to_owned())
}

pub(super) async fn run(args: IngressArgs, app: App) -> Result<()> {
    match args.command {
        IngressCommand::Address(args) => address(*args, app).await,
    }
}

/// What is printed.
#[derive(Serialize)]
struct Shown {
    class: String,
    #[serde(flatten)]
    address: IngressAddress,
    host: String,
    url: String,
}

impl Shown {
    fn new(class: String, address: IngressAddress, domain: Option<&str>) -> Self {
        let host = address.host(domain);
        let url = match address.port {
            80 => format!("http://{host}"),
            port => format!("http://{host}:{port}"),
        };
        Self {
            class,
            address,
            host,
            url,
        }
    }

    fn to_text(&self) -> String {
        let mut text = format!("address   {}\n", self.address.ip);
        if let Some(hostname) = &self.address.hostname {
            text.push_str(&format!("hostname  {hostname}\n"));
        }
        text.push_str(&format!(
            "host      {}\nurl       {}\n",
            self.host, self.url
        ));
        text
    }
}

async fn address(args: AddressArgs, app: App) -> Result<()> {
    app.say_rehearsal();
    let target = args.target.open(&app).await?;
    let place = target.place()?;
    let output = app.output().clone();
    let cx = Ctx {
        progress: Progress::new(move |said| output.note(said)),
        ..place.cx.within(args.timeout)
    };
    let catalog = load_catalog()?;
    let (class, namespace) = choose(&args, &cx, &target, &catalog).await?;
    let address = steps::find_ingress_address(
        &cx,
        &target.connection,
        &place.provider,
        target.cluster(),
        (&class, &namespace),
        args.wait,
        &*name_servers(&target)?,
    )
    .await?;
    let shown = Shown::new(class, address, args.domain.as_deref());
    let variable = |name: &str| format!("{}{name}", args.env_prefix);
    let variables = [
        (variable("INGRESS_IP"), shown.address.ip.to_string()),
        (variable("INGRESS_HOST"), shown.host.clone()),
    ];
    let path = place.workdir.dot_env();
    let written = dotenv::write_block(&path, target.cluster(), &variables, |_| true)?;
    let [(ip, _), (host, _)] = variables;
    let has = match written {
        Written::Unchanged => "already has",
        Written::Changed | Written::Removed => "has",
    };
    app.output().show(&shown, || shown.to_text())?;
    app.output()
        .note(&format!("{} {has} {ip} and {host}", path.display()));
    Ok(())
}

/// Returns who knows the names of load balancers: the machine's name servers, or the simulated world.
fn name_servers(target: &Target) -> Result<Box<LookUp>> {
    let Some(rehearsal) = target.place()?.rehearsal.clone() else {
        return Ok(Box::new(steps::ask_name_servers));
    };
    Ok(Box::new(move |name| {
        let rehearsal = Arc::clone(&rehearsal);
        Box::pin(async move {
            rehearsal
                .resolve(&name)
                .await
                .map_err(|error| io::Error::other(error.source))
        })
    }))
}

/// Returns which controller is meant, and its namespace.
async fn choose(
    args: &AddressArgs,
    cx: &Ctx,
    target: &Target,
    catalog: &Catalog,
) -> Result<(String, String)> {
    let provider = &target.place()?.provider;
    let present =
        steps::find_present(cx, &target.connection, provider, target.cluster(), catalog).await?;
    let there: Vec<&str> = INGRESS_CLASSES
        .into_iter()
        .filter(|class| present.contains_key(*class))
        .collect();
    let class = match (&args.class, &there[..]) {
        (Some(class), there) if there.contains(&&**class) => class,
        (None, [one]) => *one,
        (None, []) => {
            return Err(Error::message(
                Kind::Refused,
                format!("cluster {} has no ingress controller", target.cluster()),
            )
            .hint(format!("windlass install traefik{}", target.flags)));
        }
        (Some(class), _) => {
            return Err(
                Error::message(Kind::Refused, format!("{class} is not installed"))
                    .hint(format!("windlass install {class}{}", target.flags)),
            );
        }
        (None, several) => {
            return Err(Error::usage(format!(
                "there are several ingress controllers: {}",
                several.join(", ")
            ))
            .hint(format!("say which: --class {}", several[0])));
        }
    };
    Ok((class.to_owned(), present[class].namespace.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_domains_are_checked() {
        assert_eq!(prefix("").as_deref(), Ok(""));
        assert_eq!(prefix("APP_").as_deref(), Ok("APP_"));
        assert!(prefix("1A").is_err() && prefix("A-").is_err() && prefix("Ä").is_err());
        assert_eq!(domain(".SSLIP.io").as_deref(), Ok("sslip.io"));
        for wrong in ["", "a..b", "-a.io", "a b", "http://nip.io"] {
            assert!(domain(wrong).is_err(), "{wrong}");
        }
    }
}
