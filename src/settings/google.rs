//! What only Google Cloud can be told: the table `clusters.<name>.google`.

use windlass_provider::{GoogleChannel, GoogleDataplane, GoogleMode, GoogleOptions};

use super::{
    Origin, Setting,
    aws::{cidr, texts},
    reader::Table,
    words::{self, Ruled},
};

/// What is said of Google Cloud; what is `None` nobody set.
#[derive(Clone, Debug, Default)]
pub struct Google {
    /// The project.
    pub project: Option<Setting<String>>,
    /// Whether it is made.
    pub create_project: Option<Setting<bool>>,
    /// What a new one lies in.
    pub parent: Option<Setting<String>>,
    /// The billing account of a new one.
    pub billing_account: Option<Setting<String>>,
    /// The region or the zone.
    pub location: Option<Setting<String>>,
    /// The zones of a regional cluster's nodes.
    pub zones: Option<Setting<Vec<String>>>,
    /// Who cares for the nodes.
    pub mode: Option<Setting<GoogleMode>>,
    /// How early new versions come.
    pub channel: Option<Setting<GoogleChannel>>,
    /// What carries the pods' traffic.
    pub dataplane: Option<Setting<GoogleDataplane>>,
    /// Whether GKE brings the Gateway API along.
    pub gateway_api: Option<Setting<bool>>,
    /// Whether nodes have no addresses of the internet.
    pub private_nodes: Option<Setting<bool>>,
    /// Whether such nodes are let out.
    pub nat: Option<Setting<bool>>,
    /// The machine type of the nodes that every cluster has.
    pub machine: Option<Setting<String>>,
    /// Whether those are spot VMs.
    pub spot: Option<Setting<bool>>,
    /// How large their disks are, in GB.
    pub disk: Option<Setting<u32>>,
    /// The network.
    pub network: Option<Setting<String>>,
    /// Its subnetwork.
    pub subnetwork: Option<Setting<String>>,
    /// The ranges that may use the cluster's API.
    pub allowed_cidrs: Option<Setting<Vec<String>>>,
    /// The service account that one acts as.
    pub impersonate: Option<Setting<String>>,
}

impl Google {
    /// Returns the options, with defaults for what nobody set.
    #[must_use]
    pub fn options(&self) -> GoogleOptions {
        fn value<T: Clone>(setting: &Option<Setting<T>>) -> Option<T> {
            setting.as_ref().map(|setting| setting.value.clone())
        }
        GoogleOptions {
            project: value(&self.project),
            create_project: value(&self.create_project).unwrap_or_default(),
            parent: value(&self.parent),
            billing_account: value(&self.billing_account),
            location: value(&self.location),
            zones: value(&self.zones).unwrap_or_default(),
            mode: value(&self.mode).unwrap_or_default(),
            channel: value(&self.channel).unwrap_or_default(),
            dataplane: value(&self.dataplane).unwrap_or_default(),
            gateway_api: value(&self.gateway_api).unwrap_or(true),
            private_nodes: value(&self.private_nodes).unwrap_or_default(),
            nat: value(&self.nat).unwrap_or(true),
            machine: value(&self.machine),
            spot: value(&self.spot).unwrap_or_default(),
            disk: value(&self.disk),
            network: value(&self.network),
            subnetwork: value(&self.subnetwork),
            allowed_cidrs: value(&self.allowed_cidrs).unwrap_or_default(),
            impersonate: value(&self.impersonate),
            // Which components act on Google Cloud is the plan's to say.
            identities: Vec::new(),
        }
    }

    /// Returns where each value comes from that somebody set.
    pub fn origins(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        fn at<T>(setting: &Option<Setting<T>>) -> Option<&Origin> {
            setting.as_ref().map(|setting| &setting.origin)
        }
        [
            ("project", at(&self.project)),
            ("create-project", at(&self.create_project)),
            ("parent", at(&self.parent)),
            ("billing-account", at(&self.billing_account)),
            ("location", at(&self.location)),
            ("zones", at(&self.zones)),
            ("mode", at(&self.mode)),
            ("channel", at(&self.channel)),
            ("dataplane", at(&self.dataplane)),
            ("gateway-api", at(&self.gateway_api)),
            ("private-nodes", at(&self.private_nodes)),
            ("nat", at(&self.nat)),
            ("machine", at(&self.machine)),
            ("spot", at(&self.spot)),
            ("disk", at(&self.disk)),
            ("network", at(&self.network)),
            ("subnetwork", at(&self.subnetwork)),
            ("allowed-cidrs", at(&self.allowed_cidrs)),
            ("impersonate", at(&self.impersonate)),
        ]
        .into_iter()
        .filter_map(|(key, origin)| Some((key, origin?)))
    }
}

/// Reads the table.
pub(super) fn read(mut table: Table<'_>) -> Google {
    let google = Google {
        project: table.text("project", project),
        create_project: table.boolean("create-project"),
        parent: table.text("parent", parent),
        billing_account: table.text("billing-account", billing_account),
        location: table.text("location", location),
        zones: texts(&mut table, "zones", zone),
        mode: table.text("mode", mode),
        channel: table.text("channel", channel),
        dataplane: table.text("dataplane", dataplane),
        gateway_api: table.boolean("gateway-api"),
        private_nodes: table.boolean("private-nodes"),
        nat: table.boolean("nat"),
        machine: table.text("machine", machine),
        spot: table.boolean("spot"),
        disk: table.number("disk", disk),
        network: table.text("network", network),
        subnetwork: table.text("subnetwork", network),
        allowed_cidrs: texts(&mut table, "allowed-cidrs", cidr),
        impersonate: table.text("impersonate", account),
    };
    table.end();
    google
}

fn refuse<T>(text: &str, what: &str, such_as: &str) -> Ruled<T> {
    Err(format!(
        "\"{}\" is not {what}: write one such as {such_as}",
        text.escape_debug()
    ))
}

/// Returns whether text is letters, digits and single hyphens, beginning with a letter and not ending with a hyphen.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(plain)
}

/// A project's id, which may have a domain before it (<https://cloud.google.com/resource-manager/docs/creating-managing-projects>).
pub(super) fn project(text: &str) -> Ruled<String> {
    let (domain, id) = text.rsplit_once(':').unwrap_or(("", text));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    match is_name(id) && (6..=30).contains(&id.len()) && domain.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => refuse(text, "a project", "acme-dev-1234"),
    }
}

fn parent(text: &str) -> Ruled<String> {
    let number = text
        .strip_prefix("folders/")
        .or(text.strip_prefix("organizations/"));
    match number {
        Some(it) if !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(text.to_owned())
        }
        _ => refuse(
            text,
            "what a project lies in",
            "folders/123 or organizations/123",
        ),
    }
}

/// A billing account: three times six digits and letters.
pub(super) fn billing_account(text: &str) -> Ruled<String> {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    match parts.len() == 3 && parts.iter().all(|it| it.len() == 6 && it.bytes().all(hex)) {
        true => Ok(text.to_owned()),
        false => refuse(text, "a billing account", "012345-6789AB-CDEF01"),
    }
}

fn is_region(text: &str) -> bool {
    match text.split_once('-') {
        Some((continent, place)) => {
            is_name(continent)
                && is_name(place)
                && !place.contains('-')
                && place.ends_with(|c: char| c.is_ascii_digit())
        }
        None => false,
    }
}

fn is_zone(text: &str) -> bool {
    match text.rsplit_once('-') {
        Some((region, letter)) => {
            is_region(region)
                && letter.len() == 1
                && letter.bytes().all(|it| it.is_ascii_lowercase())
        }
        None => false,
    }
}

/// A region or a zone of Google Cloud.
pub(super) fn location(text: &str) -> Ruled<String> {
    match is_region(text) || is_zone(text) {
        true => Ok(text.to_owned()),
        false => refuse(text, "a region or a zone", "europe-west1 or europe-west1-b"),
    }
}

fn zone(text: &str) -> Ruled<String> {
    match is_zone(text) {
        true => Ok(text.to_owned()),
        false => refuse(text, "a zone", "europe-west1-b"),
    }
}

fn mode(text: &str) -> Ruled<GoogleMode> {
    let known = [
        ("standard", GoogleMode::Standard),
        ("autopilot", GoogleMode::Autopilot),
    ];
    words::one_of(text, "a mode", &known)
}

fn channel(text: &str) -> Ruled<GoogleChannel> {
    let known = [
        ("rapid", GoogleChannel::Rapid),
        ("regular", GoogleChannel::Regular),
        ("stable", GoogleChannel::Stable),
        ("extended", GoogleChannel::Extended),
    ];
    words::one_of(text, "a release channel", &known)
}

fn dataplane(text: &str) -> Ruled<GoogleDataplane> {
    let known = [
        ("v2", GoogleDataplane::V2),
        ("calico", GoogleDataplane::Calico),
    ];
    words::one_of(text, "a dataplane", &known)
}

fn machine(text: &str) -> Ruled<String> {
    match is_name(text) && text.contains('-') {
        true => Ok(text.to_owned()),
        false => refuse(text, "a machine type", "e2-standard-4"),
    }
}

fn disk(text: &str) -> Ruled<u32> {
    words::whole(text, 10, 65_536, "")
}

/// A network or a subnetwork: its name, or its path in another project.
fn network(text: &str) -> Ruled<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let path = match parts[..] {
        ["projects", id, "global", "networks", name] => project(id).is_ok() && is_name(name),
        ["projects", id, "regions", region, "subnetworks", name] => {
            project(id).is_ok() && is_region(region) && is_name(name)
        }
        [name] => is_name(name),
        _ => false,
    };
    match path && text.len() <= 200 {
        true => Ok(text.to_owned()),
        false => refuse(
            text,
            "a network",
            "default, or projects/PROJECT/global/networks/NAME",
        ),
    }
}

/// The address of a service account.
pub(super) fn account(text: &str) -> Ruled<String> {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    match text.split_once('@') {
        Some((name, domain))
            if is_name(name)
                && domain.ends_with(".gserviceaccount.com")
                && domain.bytes().all(plain) =>
        {
            Ok(text.to_owned())
        }
        _ => refuse(
            text,
            "a service account",
            "ci@acme-dev.iam.gserviceaccount.com",
        ),
    }
}

/// A type of accelerators.
pub(super) fn accelerator(text: &str) -> Ruled<String> {
    match is_name(text) {
        true => Ok(text.to_owned()),
        false => refuse(text, "a type of accelerators", "nvidia-l4"),
    }
}

/// How many accelerators a node has.
pub(super) fn accelerators(text: &str) -> Ruled<u32> {
    words::whole(text, 1, 16, "")
}

/// Which driver of an accelerator is installed.
pub(super) fn driver(text: &str) -> Ruled<windlass_provider::Driver> {
    use windlass_provider::Driver;
    let known = [
        ("default", Driver::Default),
        ("latest", Driver::Latest),
        ("none", Driver::None),
    ];
    words::one_of(text, "a driver", &known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_held_to_what_google_has() {
        for good in [
            "us-east1",
            "europe-west12",
            "northamerica-northeast1",
            "me-central2",
        ] {
            assert!(location(good).is_ok(), "{good}");
            assert!(location(&format!("{good}-b")).is_ok(), "{good}");
            assert!(zone(good).is_err(), "{good}");
        }
        for bad in [
            "",
            "us",
            "us-east",
            "us-east-1",
            "us-east1-1",
            "US-EAST1",
            "us-east1-bb",
        ] {
            assert!(location(bad).is_err(), "{bad}");
        }
        assert!(project("acme-dev").is_ok() && project("acme.com:acme-dev").is_ok());
        for bad in [
            "acme",
            "Acme-dev",
            "acme-dev-",
            "1acme-dev",
            &"a".repeat(31),
        ] {
            assert!(project(bad).is_err(), "{bad}");
        }
        assert!(billing_account("012345-6789AB-CDEF01").is_ok() && billing_account("1").is_err());
        assert!(parent("folders/1").is_ok() && parent("folders/").is_err() && parent("1").is_err());
        assert!(network("projects/acme-dev/regions/us-east1/subnetworks/a").is_ok());
        assert!(network("a/b").is_err());
        assert!(account("ci@acme-dev.iam.gserviceaccount.com").is_ok() && account("a@b").is_err());
        assert!(machine("e2-standard-4").is_ok() && machine("t3.medium").is_err());
    }
}
