//! What only AWS can be told: the table `clusters.<name>.aws`.

use windlass_provider::{AwsEndpoint, AwsImage, AwsNat, AwsOptions};

use super::{
    Origin, Setting,
    reader::{Parse, Table, Wanted},
    words::{self, Ruled},
};

/// What is said of AWS; what is `None` nobody set.
#[derive(Clone, Debug, Default)]
pub struct Aws {
    /// The region.
    pub region: Option<Setting<String>>,
    /// The profile of AWS's own configuration files.
    pub profile: Option<Setting<String>>,
    /// The zones of the cluster.
    pub zones: Option<Setting<Vec<String>>>,
    /// The instance type of the nodes that every cluster has.
    pub machine: Option<Setting<String>>,
    /// Whether those are spot instances.
    pub spot: Option<Setting<bool>>,
    /// What nodes run.
    pub image: Option<Setting<AwsImage>>,
    /// How large their disks are, in GiB.
    pub disk: Option<Setting<u32>>,
    /// From where the cluster's API can be reached.
    pub endpoint: Option<Setting<AwsEndpoint>>,
    /// The ranges that may use the public endpoint.
    pub allowed_cidrs: Option<Setting<Vec<String>>>,
    /// An existing VPC.
    pub vpc: Option<Setting<String>>,
    /// Its subnets for the nodes.
    pub subnets: Option<Setting<Vec<String>>>,
    /// How many NAT gateways.
    pub nat: Option<Setting<AwsNat>>,
    /// Which logs of the control plane are kept.
    pub logs: Option<Setting<Vec<String>>>,
    /// For how many days.
    pub log_days: Option<Setting<u32>>,
    /// The controllers that get a role.
    pub controllers: Option<Setting<Vec<String>>>,
}

impl Aws {
    /// Returns the options, with defaults for what nobody set.
    #[must_use]
    pub fn options(&self) -> AwsOptions {
        fn value<T: Clone>(setting: &Option<Setting<T>>) -> Option<T> {
            setting.as_ref().map(|setting| setting.value.clone())
        }
        AwsOptions {
            region: value(&self.region),
            profile: value(&self.profile),
            zones: value(&self.zones).unwrap_or_default(),
            machine: value(&self.machine),
            spot: value(&self.spot).unwrap_or_default(),
            image: value(&self.image).unwrap_or_default(),
            disk: value(&self.disk),
            endpoint: value(&self.endpoint).unwrap_or_default(),
            allowed_cidrs: value(&self.allowed_cidrs).unwrap_or_default(),
            vpc: value(&self.vpc),
            subnets: value(&self.subnets).unwrap_or_default(),
            nat: value(&self.nat).unwrap_or_default(),
            logs: value(&self.logs).unwrap_or_default(),
            log_days: value(&self.log_days),
            controllers: value(&self.controllers).unwrap_or_default(),
        }
    }

    /// Returns where each value comes from that somebody set.
    pub fn origins(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        fn at<T>(setting: &Option<Setting<T>>) -> Option<&Origin> {
            setting.as_ref().map(|setting| &setting.origin)
        }
        [
            ("region", at(&self.region)),
            ("profile", at(&self.profile)),
            ("zones", at(&self.zones)),
            ("machine", at(&self.machine)),
            ("spot", at(&self.spot)),
            ("image", at(&self.image)),
            ("disk", at(&self.disk)),
            ("endpoint", at(&self.endpoint)),
            ("allowed-cidrs", at(&self.allowed_cidrs)),
            ("vpc", at(&self.vpc)),
            ("subnets", at(&self.subnets)),
            ("nat", at(&self.nat)),
            ("logs", at(&self.logs)),
            ("log-days", at(&self.log_days)),
            ("controllers", at(&self.controllers)),
        ]
        .into_iter()
        .filter_map(|(key, origin)| Some((key, origin?)))
    }
}

/// Reads the table.
pub(super) fn read(mut table: Table<'_>) -> Aws {
    let aws = Aws {
        region: table.text("region", region),
        profile: table.text("profile", profile),
        zones: texts(&mut table, "zones", zone),
        machine: table.text("machine", machine),
        spot: table.boolean("spot"),
        image: table.text("image", image),
        disk: table.number("disk", disk),
        endpoint: table.text("endpoint", endpoint),
        allowed_cidrs: texts(&mut table, "allowed-cidrs", cidr),
        vpc: table.text("vpc", vpc),
        subnets: texts(&mut table, "subnets", subnet),
        nat: table.text("nat", nat),
        logs: texts(&mut table, "logs", log),
        log_days: table.number("log-days", log_days),
        controllers: texts(&mut table, "controllers", controller),
    };
    table.end();
    aws
}

/// Reads a list of strings.
pub(super) fn texts(
    table: &mut Table<'_>,
    key: &'static str,
    parse: Parse<String>,
) -> Option<Setting<Vec<String>>> {
    let Setting { value, origin } = table.list(key)?;
    let reader = table.reader;
    let read = |node| reader.scalar(&node, Wanted::Text, parse);
    let value = value.into_iter().filter_map(read).map(|it| it.value);
    Some(Setting {
        value: value.collect(),
        origin,
    })
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., number] = &parts[..] else {
        return false;
    };
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    letters(first)
        && !middle.is_empty()
        && middle.iter().all(letters)
        && number.len() == 1
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// A region of AWS.
pub(super) fn region(text: &str) -> Ruled<String> {
    match is_region(text) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "\"{}\" is not a region: write one such as eu-west-1",
            text.escape_debug()
        )),
    }
}

/// A profile of AWS's own configuration files.
pub(super) fn profile(text: &str) -> Ruled<String> {
    match text.is_empty() || text.chars().any(|c| c.is_control() || "[]\"".contains(c)) {
        false => Ok(text.to_owned()),
        true => Err(format!(
            "\"{}\" is not the name of a profile",
            text.escape_debug()
        )),
    }
}

fn zone(text: &str) -> Ruled<String> {
    let letter = text.ends_with(|c: char| c.is_ascii_lowercase());
    match letter && is_region(text.get(..text.len() - 1).unwrap_or_default()) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "\"{}\" is not a zone: write one such as eu-west-1a",
            text.escape_debug()
        )),
    }
}

fn machine(text: &str) -> Ruled<String> {
    let word = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(plain)
    };
    match text.split_once('.') {
        Some((family, size)) if word(family) && word(size) => Ok(text.to_owned()),
        _ => Err(format!(
            "\"{}\" is not an instance type: write one such as t3.medium",
            text.escape_debug()
        )),
    }
}

fn image(text: &str) -> Ruled<AwsImage> {
    let known = [
        ("al2023", AwsImage::Al2023),
        ("bottlerocket", AwsImage::Bottlerocket),
    ];
    words::one_of(text, "what nodes run", &known)
}

fn endpoint(text: &str) -> Ruled<AwsEndpoint> {
    let known = [
        ("both", AwsEndpoint::Both),
        ("public", AwsEndpoint::Public),
        ("private", AwsEndpoint::Private),
    ];
    words::one_of(text, "an endpoint", &known)
}

fn nat(text: &str) -> Ruled<AwsNat> {
    let known = [("one", AwsNat::One), ("per-zone", AwsNat::PerZone)];
    words::one_of(text, "a number of NAT gateways", &known)
}

fn log(text: &str) -> Ruled<String> {
    let known = [
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    ];
    words::one_of(
        text,
        "a log of the control plane",
        &known.map(|it| (it, it)),
    )
    .map(str::to_owned)
}

fn controller(text: &str) -> Ruled<String> {
    let known = ["external-dns", "cert-manager", "crossplane"];
    words::one_of(
        text,
        "a controller that can have a role in AWS",
        &known.map(|it| (it, it)),
    )
    .map(str::to_owned)
}

fn disk(text: &str) -> Ruled<u32> {
    words::whole(text, 20, 16_384, "")
}

fn log_days(text: &str) -> Ruled<u32> {
    words::whole(text, 1, 3_653, "")
}

fn id(text: &str, prefix: &str, what: &str) -> Ruled<String> {
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    match !rest.is_empty() && rest.bytes().all(|byte| b"0123456789abcdef".contains(&byte)) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "\"{}\" is not {what}: write one such as {prefix}0123456789abcdef0",
            text.escape_debug()
        )),
    }
}

fn vpc(text: &str) -> Ruled<String> {
    id(text, "vpc-", "a VPC")
}

fn subnet(text: &str) -> Ruled<String> {
    id(text, "subnet-", "a subnet")
}

/// A range of IPv4 addresses.
pub(super) fn cidr(text: &str) -> Ruled<String> {
    let read = || {
        let (address, bits) = text.split_once('/')?;
        let address: std::net::Ipv4Addr = address.parse().ok()?;
        let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
        let inside = u32::MAX.checked_shr(bits).unwrap_or(0);
        (u32::from(address) & inside == 0).then_some(())
    };
    match read() {
        Some(()) => Ok(text.to_owned()),
        None => Err(format!(
            "\"{}\" is not a range of addresses: write one such as 203.0.113.0/24",
            text.escape_debug()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_held_to_what_aws_has() {
        for good in ["eu-west-1", "us-gov-west-1", "ap-southeast-5"] {
            assert!(region(good).is_ok(), "{good}");
            assert!(zone(&format!("{good}b")).is_ok(), "{good}");
        }
        for bad in [
            "",
            "eu",
            "eu-west",
            "eu-west-1a",
            "EU-WEST-1",
            "eu-west-11",
            "-west-1",
        ] {
            assert!(region(bad).is_err(), "{bad}");
        }
        assert!(zone("").is_err() && zone("ä").is_err() && zone("eu-west-1").is_err());
        assert!(machine("u7i-12tb.224xlarge").is_ok() && machine("t3").is_err());
        assert!(
            cidr("203.0.113.0/24").is_ok()
                && cidr("0.0.0.0/0").is_ok()
                && cidr("10.0.0.1/32").is_ok()
        );
        for bad in ["203.0.113.1/24", "203.0.113.0", "203.0.113.0/33", "::/0"] {
            assert!(cidr(bad).is_err(), "{bad}");
        }
        assert!(
            vpc("vpc-0a1b").is_ok() && vpc("subnet-0a1b").is_err() && subnet("subnet-").is_err()
        );
    }
}
