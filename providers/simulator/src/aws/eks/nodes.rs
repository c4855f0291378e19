//! Instances of node groups, and the nodes that they are within their cluster.

use super::{
    super::{
        ACCOUNT,
        account::{Cx, Thing},
        ec2,
    },
    CLUSTER, nodegroups, versions,
};
use crate::{
    kube::Key,
    reactors::{is_true, key},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const INSTANCE: &str = "ec2:instance";

/// Returns the instances of a group that run, the oldest first.
pub(super) fn instances(cx: &Cx<'_>, group: &Thing) -> Vec<Thing> {
    let mut all = cx.with(INSTANCE, "nodegroup", &group.id);
    all.retain(|it| it.body["State"]["Name"] == "running");
    all.sort_by_key(|it| (it.created, it.body["number"].as_u64()));
    all
}

/// Returns the instance that is a node of a cluster.
pub(in crate::aws) fn of_cluster(cx: &Cx<'_>, cluster: &str, node: &str) -> Option<Thing> {
    let mut all = cx.with(INSTANCE, "PrivateDnsName", node);
    all.retain(|it| it.text("nodegroup").split('/').next() == Some(cluster));
    all.pop()
}

fn node_key(name: &str) -> Key {
    Key {
        group: String::new(),
        kind: "Node".to_owned(),
        namespace: None,
        name: name.to_owned(),
    }
}

/// Runs one more instance of a group, which joins the cluster.
pub(super) fn add(cx: &Cx<'_>, group: &Thing, kind: &str, number: usize) {
    let subnets = group.body["subnets"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let Some(subnet) = subnets
        .get(number % subnets.len().max(1))
        .and_then(Value::as_str)
    else {
        return;
    };
    let Some(cluster) = cx.get(CLUSTER, group.text("clusterName")) else {
        return;
    };
    let id = cx.id("i");
    let name = group.text("nodegroupName");
    let shared = cluster.body["resourcesVpcConfig"]["clusterSecurityGroupId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut place = ec2::Place {
        subnet,
        groups: std::slice::from_ref(&shared),
        description: "",
        kind: "interface",
        requester: "",
        instance: Some(&id),
    };
    let tags: BTreeMap<String, String> = [
        ("eks:cluster-name", cluster.id.as_str()),
        ("eks:nodegroup-name", name),
        (&format!("kubernetes.io/cluster/{}", cluster.id), "owned"),
        (
            "aws:autoscaling:groupName",
            group.body["resources"]["autoScalingGroups"][0]["name"]
                .as_str()
                .unwrap_or_default(),
        ),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    let Some(interface) = ec2::attach(cx, &place, BTreeMap::new()) else {
        return;
    };
    // The network plug-in takes a second interface for pods: it is not the instance's to delete.
    let note = format!("aws-K8S-{id}");
    place.description = &note;
    let plugin: BTreeMap<String, String> = [
        ("cluster.k8s.amazonaws.com/name", cluster.id.as_str()),
        ("node.k8s.amazonaws.com/instance_id", &id),
        ("eks:eni:owner", "amazon-vpc-cni"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    ec2::attach(cx, &place, plugin);
    let address = interface.text("PrivateIpAddress").to_owned();
    let zone = interface.text("AvailabilityZone").to_owned();
    let domain = match cx.region {
        "us-east-1" => "ec2.internal".to_owned(),
        region => format!("{region}.compute.internal"),
    };
    let node = format!("ip-{}.{domain}", address.replace('.', "-"));
    let architecture = if ec2::type_of(kind).is_some_and(|it| it.arm) {
        "arm64"
    } else {
        "x86_64"
    };
    let spot = group.text("capacityType") == "SPOT";
    let mut body = json!({
        "InstanceId": id, "InstanceType": kind, "ImageId": "ami-0c0ffee0c0ffee000", "State": {"Code": 16, "Name": "running"},
        "PrivateDnsName": node, "PrivateIpAddress": address, "SubnetId": subnet, "VpcId": interface.body["VpcId"], "Architecture": architecture,
        "Placement": {"AvailabilityZone": zone, "Tenancy": "default"}, "LaunchTime": cx.now.to_string(), "SecurityGroups": [{"GroupId": shared}],
        "nodegroup": group.id, "number": number, "owner": ACCOUNT,
    });
    if spot {
        body["InstanceLifecycle"] = json!("spot");
    }
    cx.make(INSTANCE, &id, tags, body);
    let Some(running) = nodegroups::server(cx, group) else {
        return;
    };
    let object = object(group, kind, (&node, &id, &zone, &address), cx.region);
    let status = object["status"].clone();
    if running.api.apply("kubelet", object).is_ok() {
        // It was made a moment ago.
        let _ = running.api.merge_patch(
            &node_key(&node),
            "kubelet",
            Some("status"),
            json!({"status": status}),
        );
    }
}

fn taints(group: &Thing) -> Vec<Value> {
    let effect = |it: &Value| match it["effect"].as_str() {
        Some("NO_SCHEDULE") => "NoSchedule",
        Some("NO_EXECUTE") => "NoExecute",
        _ => "PreferNoSchedule",
    };
    let given = group.body["taints"].as_array().into_iter().flatten();
    given
        .map(|it| {
            super::given(json!({"key": it["key"], "value": it["value"], "effect": effect(it)}))
        })
        .collect()
}

fn object(
    group: &Thing,
    kind: &str,
    (node, instance, zone, address): (&str, &str, &str, &str),
    region: &str,
) -> Value {
    let of = ec2::type_of(kind);
    let minor = versions::minor(group.text("version")).unwrap_or_default();
    let architecture = if of.is_some_and(|it| it.arm) {
        "arm64"
    } else {
        "amd64"
    };
    let mut labels = json!({
        "kubernetes.io/arch": architecture, "kubernetes.io/os": "linux", "kubernetes.io/hostname": node,
        "beta.kubernetes.io/arch": architecture, "beta.kubernetes.io/os": "linux", "beta.kubernetes.io/instance-type": kind,
        "node.kubernetes.io/instance-type": kind, "topology.kubernetes.io/zone": zone, "topology.kubernetes.io/region": region,
        "failure-domain.beta.kubernetes.io/zone": zone, "failure-domain.beta.kubernetes.io/region": region,
        "topology.ebs.csi.aws.com/zone": zone, "eks.amazonaws.com/nodegroup": group.text("nodegroupName"),
        "eks.amazonaws.com/capacityType": group.text("capacityType"), "eks.amazonaws.com/nodegroup-image": "ami-0c0ffee0c0ffee000",
    });
    for (key, value) in group.body["labels"].as_object().into_iter().flatten() {
        labels[key] = value.clone();
    }
    let mut all = taints(group);
    all.push(json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}));
    let (cpus, memory) = of.map_or((2, 4), |it| (it.cpus, it.memory));
    let mut room = json!({
        "cpu": cpus.to_string(), "memory": format!("{}Ki", memory * 1_014_000), "pods": "110", "ephemeral-storage": "20893676Ki",
    });
    if let Some(gpus) = of.map(|it| it.gpus).filter(|it| *it > 0) {
        room["nvidia.com/gpu"] = json!(gpus.to_string());
    }
    let mark = crate::ground::digest(instance);
    let kubelet = versions::kubelet(minor);
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": labels},
        "spec": {"providerID": format!("aws:///{zone}/{instance}"), "taints": all},
        "status": {
            "capacity": room, "allocatable": room,
            "addresses": [
                {"type": "InternalIP", "address": address}, {"type": "InternalDNS", "address": node}, {"type": "Hostname", "address": node},
            ],
            "nodeInfo": {
                "kubeletVersion": kubelet, "architecture": architecture, "operatingSystem": "linux", "kernelVersion": "6.12.55-74.119.amzn2023",
                "containerRuntimeVersion": "containerd://2.1.5", "osImage": "Amazon Linux 2023.9.20261115", "kubeProxyVersion": "",
                "machineID": mark[..32], "systemUUID": mark[..32], "bootID": mark[32..],
            },
            "conditions": [{
                "type": "Ready", "status": "False", "reason": "KubeletNotReady",
                "message": "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
            }],
        },
    })
}

/// Lets nothing more onto a group's nodes.
pub(super) fn cordon(cx: &Cx<'_>, group: &Thing) {
    let Some(running) = nodegroups::server(cx, group) else {
        return;
    };
    for instance in instances(cx, group) {
        // One that is not there takes nothing anyway.
        let _ = running.api.merge_patch(
            &node_key(instance.text("PrivateDnsName")),
            "eks",
            None,
            json!({"spec": {"unschedulable": true}}),
        );
    }
}

/// Takes as many nodes away, the newest first, with the pods on them; their instances end.
pub(super) fn remove(cx: &Cx<'_>, group: &Thing, count: usize) {
    let running = nodegroups::server(cx, group);
    for instance in instances(cx, group).into_iter().rev().take(count) {
        let node = instance.text("PrivateDnsName");
        if let Some(running) = &running {
            // The node first, so that nothing comes back to it.
            let _ = running.api.delete(&node_key(node));
            for pod in running.api.list("", "Pod", None) {
                if pod["spec"]["nodeName"] == node {
                    let _ = running.api.delete(&key(&pod));
                }
            }
        }
        ec2::end_instance(cx, &instance.id);
    }
}

/// Returns how many nodes of a group are ready.
pub(super) fn ready(cx: &Cx<'_>, group: &Thing) -> usize {
    let Some(running) = nodegroups::server(cx, group) else {
        return 0;
    };
    let nodes = instances(cx, group);
    let is_ready = |it: &&Thing| {
        running
            .api
            .get(&node_key(it.text("PrivateDnsName")))
            .is_some_and(|node| is_true(&node, "Ready"))
    };
    nodes.iter().filter(is_ready).count()
}

/// Returns whether any node of a group is in the cluster.
pub(super) fn joined(cx: &Cx<'_>, group: &Thing) -> bool {
    let Some(running) = nodegroups::server(cx, group) else {
        return false;
    };
    instances(cx, group).iter().any(|it| {
        running
            .api
            .get(&node_key(it.text("PrivateDnsName")))
            .is_some()
    })
}

/// Gives a group's nodes its labels and taints.
pub(super) fn relabel(cx: &Cx<'_>, group: &Thing) {
    let Some(running) = nodegroups::server(cx, group) else {
        return;
    };
    for instance in instances(cx, group) {
        let key = node_key(instance.text("PrivateDnsName"));
        let Some(node) = running.api.get(&key) else {
            continue;
        };
        let labels: Map<String, Value> = group.body["labels"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let mut all = taints(group);
        let own = node["spec"]["taints"].as_array().into_iter().flatten();
        all.extend(
            own.filter(|it| {
                it["key"]
                    .as_str()
                    .is_some_and(|it| it.starts_with("node.kubernetes.io/"))
            })
            .cloned(),
        );
        let all = if all.is_empty() {
            Value::Null
        } else {
            json!(all)
        };
        let patch = json!({"metadata": {"labels": labels}, "spec": {"taints": all}});
        // One that went meanwhile needs none.
        let _ = running.api.merge_patch(&key, "eks", None, patch);
    }
}
