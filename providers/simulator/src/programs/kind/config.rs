//! The file that `--config` names: `kind.x-k8s.io/v1alpha4`, read as strictly as kind does.
//!
//! Source: pkg/apis/config/v1alpha4/types.go and pkg/internal/apis/config/validate.go of kind 0.33.

use crate::site::{Mount, Port, Role};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A cluster as it is wanted.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) name: Option<String>,
    pub(super) nodes: Vec<Node>,
    /// The host port of the API server; 0 = any.
    pub(super) api_port: u16,
    pub(super) api_address: String,
    pub(super) default_cni: bool,
}

/// A node as it is wanted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) role: Role,
    pub(super) image: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) taints: Vec<String>,
    pub(super) mounts: Vec<Mount>,
    pub(super) ports: Vec<Port>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ClusterFile {
    kind: Option<String>,
    #[serde(rename = "apiVersion")]
    _api_version: Option<String>,
    name: Option<String>,
    #[serde(default)]
    nodes: Vec<NodeFile>,
    #[serde(default)]
    networking: Networking,
    #[serde(rename = "featureGates")]
    _feature_gates: Option<BTreeMap<String, bool>>,
    #[serde(rename = "runtimeConfig")]
    _runtime_config: Option<BTreeMap<String, String>>,
    #[serde(default)]
    kubeadm_config_patches: Vec<String>,
    #[serde(rename = "kubeadmConfigPatchesJSON6902")]
    _kubeadm_config_patches_json: Option<Vec<JsonPatch>>,
    #[serde(rename = "containerdConfigPatches")]
    _containerd_config_patches: Option<Vec<String>>,
    #[serde(rename = "containerdConfigPatchesJSON6902")]
    _containerd_config_patches_json: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NodeFile {
    role: Option<String>,
    image: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    extra_mounts: Vec<MountFile>,
    #[serde(default)]
    extra_port_mappings: Vec<PortFile>,
    #[serde(default)]
    kubeadm_config_patches: Vec<String>,
    #[serde(rename = "kubeadmConfigPatchesJSON6902")]
    _kubeadm_config_patches_json: Option<Vec<JsonPatch>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Networking {
    ip_family: Option<String>,
    #[serde(default)]
    api_server_port: i32,
    api_server_address: Option<String>,
    #[serde(rename = "podSubnet")]
    _pod_subnet: Option<String>,
    #[serde(rename = "serviceSubnet")]
    _service_subnet: Option<String>,
    #[serde(default, rename = "disableDefaultCNI")]
    disable_default_cni: bool,
    kube_proxy_mode: Option<String>,
    #[serde(rename = "dnsSearch")]
    _dns_search: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonPatch {
    #[serde(rename = "group")]
    _group: String,
    #[serde(rename = "version")]
    _version: String,
    #[serde(rename = "kind")]
    _kind: String,
    #[serde(rename = "patch")]
    _patch: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MountFile {
    #[serde(default)]
    container_path: String,
    #[serde(default)]
    host_path: String,
    #[serde(default)]
    read_only: bool,
    #[serde(rename = "selinuxRelabel")]
    _selinux_relabel: Option<bool>,
    #[serde(rename = "propagation")]
    _propagation: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PortFile {
    #[serde(default)]
    container_port: i32,
    #[serde(default)]
    host_port: i32,
    listen_address: Option<String>,
    protocol: Option<String>,
}

/// Reads a configuration; an empty one is a single control-plane. Errors are worded as kind does.
pub(super) fn read(text: &str) -> Result<Wanted, String> {
    let document: Value = match text.trim() {
        "" => serde_json::json!({"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4"}),
        _ => serde_saphyr::from_str(text)
            .map_err(|error| format!("unable to decode config: yaml: {error}"))?,
    };
    let version = document["apiVersion"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if version != "kind.x-k8s.io/v1alpha4" {
        return Err(format!("unknown apiVersion: {version}"));
    }
    let file: ClusterFile = serde_json::from_value(document)
        .map_err(|error| format!("unable to decode config: yaml: unmarshal errors:\n  {error}"))?;
    let kind = file.kind.unwrap_or_default();
    if kind != "Cluster" {
        return Err(format!("unknown kind {kind} for apiVersion: {version}"));
    }
    let mut errors = Vec::new();
    let networking = file.networking;
    if let Some(family) = networking
        .ip_family
        .filter(|it| !["", "ipv4", "ipv6", "dual"].contains(&it.as_str()))
    {
        errors.push(format!("invalid ipFamily: {family}"));
    }
    let modes = ["", "iptables", "ipvs", "nftables", "none"];
    if let Some(mode) = networking
        .kube_proxy_mode
        .filter(|it| !modes.contains(&it.as_str()))
    {
        errors.push(format!("invalid kubeProxyMode: {mode}"));
    }
    let api_port = port(networking.api_server_port.max(0)).unwrap_or_else(|error| {
        errors.push(error);
        0
    });
    let mut nodes = Vec::new();
    for (n, file_node) in file.nodes.into_iter().enumerate() {
        match node(file_node, &file.kubeadm_config_patches) {
            Ok(node) => nodes.push(node),
            Err(error) => errors.push(format!("invalid configuration for node {n}: {error}")),
        }
    }
    if nodes.is_empty() && errors.is_empty() {
        nodes.push(Node {
            role: Role::ControlPlane,
            image: None,
            labels: BTreeMap::new(),
            taints: Vec::new(),
            mounts: Vec::new(),
            ports: Vec::new(),
        });
    }
    if !nodes.iter().any(|node| node.role == Role::ControlPlane) {
        errors.push("must have at least one control-plane node".to_owned());
    }
    match errors.as_slice() {
        [] => Ok(Wanted {
            name: file.name.filter(|name| !name.is_empty()),
            nodes,
            api_port,
            api_address: networking
                .api_server_address
                .unwrap_or_else(|| "127.0.0.1".to_owned()),
            default_cni: !networking.disable_default_cni,
        }),
        [error] => Err(error.clone()),
        errors => Err(format!("[{}]", errors.join(", "))),
    }
}

/// Checks the name of a cluster.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let fits = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || ".-".contains(letter)
    };
    match !name.is_empty() && name.chars().all(fits) {
        true => Ok(()),
        false => Err(format!(
            "'{name}' is not a valid cluster name, cluster names must match `^[a-z0-9.-]+$`"
        )),
    }
}

fn node(file: NodeFile, common: &[String]) -> Result<Node, String> {
    let role = match file.role.as_deref() {
        None | Some("" | "control-plane") => Role::ControlPlane,
        Some("worker") => Role::Worker,
        Some(other) => return Err(format!("{other:?} is not a valid node role")),
    };
    let mut ports: Vec<Port> = Vec::new();
    for mapping in file.extra_port_mappings {
        let protocol = mapping
            .protocol
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| "TCP".to_owned());
        if !["TCP", "UDP", "SCTP"].contains(&protocol.as_str()) {
            return Err(format!("invalid portMapping: unknown protocol: {protocol}"));
        }
        let address = mapping
            .listen_address
            .filter(|it| !it.is_empty())
            .unwrap_or_else(|| "0.0.0.0".to_owned());
        if address.parse::<std::net::IpAddr>().is_err() {
            return Err(format!("invalid listen address: {address}"));
        }
        let published = Port {
            container: port(mapping.container_port)
                .map_err(|it| format!("invalid containerPort: {it}"))?,
            host: port(mapping.host_port).map_err(|it| format!("invalid hostPort: {it}"))?,
            address,
            protocol: protocol.to_lowercase(),
        };
        let same = |it: &&Port| {
            it.host != 0 && it.host == published.host && it.protocol == published.protocol
        };
        if let Some(other) = ports.iter().find(same)
            && (other.address == published.address
                || other.address == "0.0.0.0"
                || published.address == "0.0.0.0")
        {
            return Err(format!(
                "invalid portMapping: port mapping with same listen address, port and protocol already configured: {}:{}/{protocol}",
                published.address, published.host
            ));
        }
        ports.push(published);
    }
    let mounts = file.extra_mounts.into_iter().map(|mount| Mount {
        source: mount.host_path,
        destination: mount.container_path,
        read_only: mount.read_only,
    });
    let mut labels = file.labels;
    let mut taints = Vec::new();
    for patch in common.iter().chain(&file.kubeadm_config_patches) {
        let patch: Value = serde_saphyr::from_str(patch).map_err(|error| {
            format!("failed to generate kubeadm config content: failed to parse patch: {error}")
        })?;
        register(&patch, &mut labels, &mut taints);
    }
    Ok(Node {
        role,
        image: file.image.filter(|image| !image.is_empty()),
        labels,
        taints,
        mounts: mounts.collect(),
        ports,
    })
}

/// Takes over what a patch of kubeadm's configuration says of how a node registers itself.
fn register(patch: &Value, labels: &mut BTreeMap<String, String>, taints: &mut Vec<String>) {
    let registration = &patch["nodeRegistration"];
    for taint in registration["taints"].as_array().into_iter().flatten() {
        let part = |name: &str| taint[name].as_str().unwrap_or_default();
        taints.push(format!(
            "{}={}:{}",
            part("key"),
            part("value"),
            part("effect")
        ));
    }
    let arguments = &registration["kubeletExtraArgs"];
    // A mapping up to kubeadm's v1beta3, a list of names and values from v1beta4 on.
    let listed = arguments
        .as_array()
        .into_iter()
        .flatten()
        .find(|it| it["name"] == "node-labels");
    let text = arguments["node-labels"]
        .as_str()
        .or_else(|| listed?["value"].as_str());
    for pair in text
        .unwrap_or_default()
        .split(',')
        .filter(|pair| !pair.is_empty())
    {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        labels.insert(key.to_owned(), value.to_owned());
    }
}

fn port(number: i32) -> Result<u16, String> {
    match u16::try_from(number) {
        Ok(port) => Ok(port),
        // kind takes -1 for "choose a port".
        Err(_) if number == -1 => Ok(0),
        Err(_) => Err(format!("invalid port number: {number}")),
    }
}
