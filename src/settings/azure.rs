//! What only Azure can be told: the table `clusters.<name>.azure`.

use windlass_provider::{AzureIdentity, AzureNetwork, AzureOptions, AzureTier, AzureUpgrades};

use super::{
    Origin, Setting,
    aws::{cidr, texts},
    reader::Table,
    words::{self, Ruled},
};

/// What is said of Azure; what is `None` nobody set.
#[derive(Clone, Debug, Default)]
pub struct Azure {
    /// The subscription.
    pub subscription: Option<Setting<String>>,
    /// The tenant.
    pub tenant: Option<Setting<String>>,
    /// The location.
    pub location: Option<Setting<String>>,
    /// An existing resource group.
    pub resource_group: Option<Setting<String>>,
    /// The size of the nodes that every cluster has.
    pub machine: Option<Setting<String>>,
    /// Their zones.
    pub zones: Option<Setting<Vec<String>>>,
    /// How large their disks are, in GiB.
    pub disk: Option<Setting<u32>>,
    /// What is promised of the control plane.
    pub tier: Option<Setting<AzureTier>>,
    /// By which channel the cluster upgrades itself.
    pub upgrades: Option<Setting<AzureUpgrades>>,
    /// Who the cluster is in Azure.
    pub identity: Option<Setting<AzureIdentity>>,
    /// How pods are connected.
    pub network: Option<Setting<AzureNetwork>>,
    /// The ranges that may use the cluster's API.
    pub allowed_cidrs: Option<Setting<Vec<String>>>,
    /// Groups of Entra that administer the cluster.
    pub entra_groups: Option<Setting<Vec<String>>>,
    /// Whether roles of Azure decide what people may do.
    pub azure_rbac: Option<Setting<bool>>,
    /// Whether the cluster's own administrator is off.
    pub no_local_accounts: Option<Setting<bool>>,
    /// Whether AKS's Istio is installed.
    pub istio: Option<Setting<bool>>,
    /// Whether Flux comes as AKS's extension.
    pub flux_extension: Option<Setting<bool>>,
    /// Whether nodes are made as pods need them.
    pub node_provisioning: Option<Setting<bool>>,
    /// A public SSH key.
    pub ssh_key: Option<Setting<String>>,
    /// The controllers that get an identity.
    pub controllers: Option<Setting<Vec<String>>>,
}

impl Azure {
    /// Returns the options, with defaults for what nobody set.
    #[must_use]
    pub fn options(&self) -> AzureOptions {
        fn value<T: Clone>(setting: &Option<Setting<T>>) -> Option<T> {
            setting.as_ref().map(|setting| setting.value.clone())
        }
        AzureOptions {
            subscription: value(&self.subscription),
            tenant: value(&self.tenant),
            location: value(&self.location),
            resource_group: value(&self.resource_group),
            machine: value(&self.machine),
            zones: value(&self.zones).unwrap_or_default(),
            disk: value(&self.disk),
            tier: value(&self.tier).unwrap_or_default(),
            upgrades: value(&self.upgrades).unwrap_or_default(),
            identity: value(&self.identity).unwrap_or_default(),
            network: value(&self.network).unwrap_or_default(),
            allowed_cidrs: value(&self.allowed_cidrs).unwrap_or_default(),
            entra_groups: value(&self.entra_groups).unwrap_or_default(),
            azure_rbac: value(&self.azure_rbac).unwrap_or_default(),
            no_local_accounts: value(&self.no_local_accounts).unwrap_or_default(),
            istio: value(&self.istio).unwrap_or_default(),
            flux_extension: value(&self.flux_extension).unwrap_or_default(),
            node_provisioning: value(&self.node_provisioning).unwrap_or_default(),
            ssh_key: value(&self.ssh_key),
            controllers: value(&self.controllers).unwrap_or_default(),
        }
    }

    /// Returns where each value comes from that somebody set.
    pub fn origins(&self) -> impl Iterator<Item = (&'static str, &Origin)> {
        fn at<T>(setting: &Option<Setting<T>>) -> Option<&Origin> {
            setting.as_ref().map(|setting| &setting.origin)
        }
        [
            ("subscription", at(&self.subscription)),
            ("tenant", at(&self.tenant)),
            ("location", at(&self.location)),
            ("resource-group", at(&self.resource_group)),
            ("machine", at(&self.machine)),
            ("zones", at(&self.zones)),
            ("disk", at(&self.disk)),
            ("tier", at(&self.tier)),
            ("upgrades", at(&self.upgrades)),
            ("identity", at(&self.identity)),
            ("network", at(&self.network)),
            ("allowed-cidrs", at(&self.allowed_cidrs)),
            ("entra-groups", at(&self.entra_groups)),
            ("azure-rbac", at(&self.azure_rbac)),
            ("no-local-accounts", at(&self.no_local_accounts)),
            ("istio", at(&self.istio)),
            ("flux-extension", at(&self.flux_extension)),
            ("node-provisioning", at(&self.node_provisioning)),
            ("ssh-key", at(&self.ssh_key)),
            ("controllers", at(&self.controllers)),
        ]
        .into_iter()
        .filter_map(|(key, origin)| Some((key, origin?)))
    }
}

/// Reads the table.
pub(super) fn read(mut table: Table<'_>) -> Azure {
    let azure = Azure {
        subscription: table.text("subscription", subscription),
        tenant: table.text("tenant", tenant),
        location: table.text("location", location),
        resource_group: table.text("resource-group", resource_group),
        machine: table.text("machine", machine),
        zones: texts(&mut table, "zones", zone),
        disk: table.number("disk", disk),
        tier: table.text("tier", tier),
        upgrades: table.text("upgrades", upgrades),
        identity: table.text("identity", identity),
        network: table.text("network", network),
        allowed_cidrs: texts(&mut table, "allowed-cidrs", cidr),
        entra_groups: texts(&mut table, "entra-groups", entra_group),
        azure_rbac: table.boolean("azure-rbac"),
        no_local_accounts: table.boolean("no-local-accounts"),
        istio: table.boolean("istio"),
        flux_extension: table.boolean("flux-extension"),
        node_provisioning: table.boolean("node-provisioning"),
        ssh_key: table.text("ssh-key", ssh_key),
        controllers: texts(&mut table, "controllers", controller),
    };
    table.end();
    azure
}

/// Returns a GUID in lower case, as Azure writes them.
fn guid(text: &str, what: &str) -> Ruled<String> {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    let digits = text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    match digits && parts == [8, 4, 4, 4, 12] {
        true => Ok(text.to_lowercase()),
        false => Err(format!(
            "\"{}\" is not the id of {what}: write one such as 00000000-0000-0000-0000-000000000000",
            text.escape_debug()
        )),
    }
}

/// The id of a subscription.
pub(super) fn subscription(text: &str) -> Ruled<String> {
    guid(text, "a subscription")
}

/// The id of a tenant.
pub(super) fn tenant(text: &str) -> Ruled<String> {
    guid(text, "a tenant")
}

fn entra_group(text: &str) -> Ruled<String> {
    guid(text, "a group of Entra")
}

/// A location of Azure.
pub(super) fn location(text: &str) -> Ruled<String> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    match plain && text.starts_with(|c: char| c.is_ascii_lowercase()) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "\"{}\" is not a location: write one such as westeurope",
            text.escape_debug()
        )),
    }
}

/// A resource group.
///
/// Source: <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>
fn resource_group(text: &str) -> Ruled<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.()".contains(&b);
    let sized = (1..=90).contains(&text.len());
    match sized && text.bytes().all(plain) && !text.ends_with('.') {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "\"{}\" is not the name of a resource group: up to 90 letters, digits, hyphens, underscores, dots and parentheses are allowed",
            text.escape_debug()
        )),
    }
}

fn machine(text: &str) -> Ruled<String> {
    let rest = text.strip_prefix("Standard_").unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    match !rest.is_empty() && rest.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "\"{}\" is not a size of virtual machines: write one such as Standard_D4s_v5",
            text.escape_debug()
        )),
    }
}

fn zone(text: &str) -> Ruled<String> {
    let known = ["1", "2", "3"].map(|zone| (zone, zone));
    words::one_of(text, "a zone", &known).map(str::to_owned)
}

fn disk(text: &str) -> Ruled<u32> {
    words::whole(text, 30, 2_048, "")
}

fn tier(text: &str) -> Ruled<AzureTier> {
    let known = [
        ("free", AzureTier::Free),
        ("standard", AzureTier::Standard),
        ("premium", AzureTier::Premium),
    ];
    words::one_of(text, "a tier", &known)
}

fn upgrades(text: &str) -> Ruled<AzureUpgrades> {
    let known = [
        ("patch", AzureUpgrades::Patch),
        ("none", AzureUpgrades::None),
        ("stable", AzureUpgrades::Stable),
        ("rapid", AzureUpgrades::Rapid),
        ("node-image", AzureUpgrades::NodeImage),
    ];
    words::one_of(text, "a channel of upgrades", &known)
}

fn identity(text: &str) -> Ruled<AzureIdentity> {
    let known = [
        ("system", AzureIdentity::System),
        ("user", AzureIdentity::User),
    ];
    words::one_of(text, "an identity", &known)
}

fn network(text: &str) -> Ruled<AzureNetwork> {
    let known = [
        ("cilium", AzureNetwork::Cilium),
        ("azure", AzureNetwork::Azure),
    ];
    words::one_of(text, "a network", &known)
}

fn ssh_key(text: &str) -> Ruled<String> {
    let known = [
        "ssh-rsa",
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
    ];
    let mut parts = text.split(' ');
    let kind = parts.next().is_some_and(|kind| known.contains(&kind));
    let key = parts.next().is_some_and(|key| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
        !key.is_empty() && key.bytes().all(plain)
    });
    match kind && key && !text.chars().any(char::is_control) {
        true => Ok(text.to_owned()),
        false => {
            Err("it is not a public SSH key: write one such as \"ssh-ed25519 AAAA…\"".to_owned())
        }
    }
}

fn controller(text: &str) -> Ruled<String> {
    let known = [
        "aso",
        "crossplane",
        "external-dns",
        "cert-manager",
        "platform",
    ]
    .map(|it| (it, it));
    words::one_of(text, "a controller that can have an identity", &known).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_held_to_what_azure_has() {
        assert_eq!(
            subscription("0000000A-0000-0000-0000-00000000000B").unwrap(),
            "0000000a-0000-0000-0000-00000000000b"
        );
        assert!(tenant("example.org").is_err() && subscription("").is_err());
        assert!(location("westus3").is_ok() && location("West Europe").is_err());
        assert!(location("eu-west-1").is_err() && location("").is_err());
        assert!(resource_group("rg.(1)-x_y").is_ok() && resource_group("rg.").is_err());
        assert!(resource_group(&"a".repeat(91)).is_err() && resource_group("a/b").is_err());
        assert!(machine("Standard_NC4as_T4_v3").is_ok() && machine("t3.medium").is_err());
        assert!(ssh_key("ssh-ed25519 AAAAC3Nz me@here").is_ok());
        assert!(ssh_key("-----BEGIN OPENSSH PRIVATE KEY-----").is_err());
        assert!(ssh_key("ssh-rsa AAAA\nssh-rsa BBBB").is_err());
    }
}
