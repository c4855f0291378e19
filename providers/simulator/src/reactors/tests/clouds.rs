//! Crossplane and Azure Service Operator: what they make in clouds, and what is left there.

use super::{Cluster, reason, workload};
use crate::{
    FaultFile, blueprint, charts,
    reactors::{
        crossplane,
        object::{find, key},
    },
};
use serde_json::{Value, json};
use std::sync::Arc;

const X: &str = "xpkg.crossplane.io/crossplane-contrib";
const AWS: &str = "aws.m.upbound.io/v1beta1";
const RDS: &str = "rds.aws.m.upbound.io/v1beta1";

impl Cluster {
    /// Installs what a chart makes, and waits for its Deployments.
    async fn chart(&self, repository: &str, name: &str, namespace: &str, values: Value) {
        self.apply(
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        );
        let chart = charts::of(repository, name, "*", &|_| false).unwrap();
        let made = chart.make(name, namespace, &values).unwrap();
        let known = |it: &Value| {
            !it["apiVersion"]
                .as_str()
                .unwrap()
                .starts_with("cert-manager.io")
        };
        let made: Vec<Value> = made.into_iter().map(|it| it.object).filter(known).collect();
        made.iter().for_each(|it| self.apply(it.clone()));
        for it in made.iter().filter(|it| it["kind"] == "Deployment") {
            let available = |it: &Value| reason(it, "Available").starts_with("True");
            self.wait(it, available).await;
        }
    }

    async fn crossplane(&self) {
        let values =
            json!({"provider": {"defaultActivations": ["*.m.upbound.io", "*.m.crossplane.io"]}});
        let url = "https://charts.crossplane.io/stable";
        self.chart(url, "crossplane", "crossplane-system", values)
            .await;
    }

    /// Installs Crossplane and a provider of AWS's databases.
    async fn databases(&self) -> Value {
        self.crossplane().await;
        let rds = package("Provider", "rds", &format!("{X}/provider-aws-rds:v2.6.0"));
        self.apply(rds.clone());
        self.wait(&rds, healthy).await;
        rds
    }

    /// Waits until an object is there as `holds` wants it.
    async fn wait(&self, object: &Value, holds: impl Fn(&Value) -> bool) -> Arc<Value> {
        let mut changes = self.api.subscribe();
        loop {
            if let Some(object) = self.api.get(&key(object))
                && holds(&object)
            {
                return object;
            }
            changes.recv().await.unwrap();
        }
    }

    /// Waits until an object is gone.
    async fn vanished(&self, object: &Value) {
        let mut changes = self.api.subscribe();
        while self.api.get(&key(object)).is_some() {
            changes.recv().await.unwrap();
        }
    }

    /// Lets so much time go by that what takes a few seconds would be done.
    async fn pass(&self, name: &str) {
        let job = workload("Job", name, "busybox:1", json!({"completions": 1}));
        self.apply(job);
        let done = |it: &Value| it["status"]["succeeded"] == 1;
        self.until(("batch", "Job"), name, done).await;
    }

    /// Returns what stands in clouds.
    async fn clouds(&self) -> Vec<String> {
        let all = self.stage.get("assets").await;
        let text = |it: &Value, field: &str| it[field].as_str().unwrap().to_owned();
        let all = all.as_array().unwrap().iter();
        let mut names: Vec<String> = all
            .map(|it| format!("{} {}", text(it, "kind"), text(it, "name")))
            .collect();
        names.sort();
        names
    }

    fn remove(&self, object: &Value) {
        self.api.delete(&key(object)).unwrap();
    }

    async fn inject(&self, faults: &str) {
        let faults = FaultFile::parse(faults).unwrap();
        self.stage.world.inject(&faults).await.unwrap();
    }
}

fn object(version: &str, kind: &str, name: &str, spec: Value) -> Value {
    let wide = [
        "Provider",
        "ProviderRevision",
        "Configuration",
        "ClusterProviderConfig",
        "ManagedResourceActivationPolicy",
    ];
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
    if !wide.contains(&kind) {
        object["metadata"]["namespace"] = json!("default");
    }
    object["spec"] = spec;
    object
}

fn package(kind: &str, name: &str, package: &str) -> Value {
    let spec = json!({"package": package});
    object("pkg.crossplane.io/v1", kind, name, spec)
}

fn definition(name: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
    })
}

fn config() -> Value {
    let spec = json!({"credentials": {"source": "PodIdentity"}});
    object(AWS, "ClusterProviderConfig", "default", spec)
}

fn subnets(name: &str) -> Value {
    let spec = json!({"forProvider": {"region": "us-east-1"}});
    object(RDS, "SubnetGroup", name, spec)
}

fn healthy(it: &Value) -> bool {
    reason(it, "Healthy") == "True:HealthyPackageRevision"
}

fn is_ready(it: &Value) -> bool {
    reason(it, "Ready") == "True:Available"
}

fn message(it: &Value, condition: &str) -> String {
    let condition = find(it, condition).cloned().unwrap_or_default();
    condition["message"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_data_can_be_read() {
    let text = include_str!("../../../crossplane/core.yaml");
    let core: Vec<blueprint::Item> = serde_saphyr::from_str(text).unwrap();
    assert_eq!(blueprint::make(&core, &json!({}), "").unwrap().len(), 18);
    let text = include_str!("../../../crossplane/packages.yaml");
    let packages: Vec<Value> = serde_saphyr::from_str(text).unwrap();
    assert_eq!(packages.len(), crossplane::packages_read());
}

#[tokio::test]
async fn a_provider_comes_with_what_it_needs_and_what_is_wanted_of_it() {
    let cluster = Cluster::open().await;
    let rds = cluster.databases().await;
    let it = cluster.wait(&rds, healthy).await;
    assert_eq!(reason(&it, "Installed"), "True:ActivePackageRevision");
    let revision = it["status"]["currentRevision"].as_str().unwrap();
    let revision = package("ProviderRevision", revision, "");
    let revision = cluster.wait(&revision, |_| true).await;
    for condition in ["RevisionHealthy", "RuntimeHealthy"] {
        assert_eq!(reason(&revision, condition), "True:HealthyPackageRevision");
    }
    let family = package("Provider", "crossplane-contrib-provider-family-aws", "");
    assert!(healthy(&cluster.api.get(&key(&family)).unwrap()));
    let known = |name: &str| cluster.api.get(&key(&definition(name))).is_some();
    assert!(known("instances.rds.aws.m.upbound.io"));

    // What no policy wants is known, and has no kind.
    let version = "apiextensions.crossplane.io/v1alpha1";
    let kind = "ManagedResourceActivationPolicy";
    let policy = |patterns: Value| object(version, kind, "default", json!({"activate": patterns}));
    cluster.apply(policy(json!(["vpcs.ec2.*"])));
    let ec2 = package("Provider", "ec2", &format!("{X}/provider-aws-ec2:v2.6.0"));
    cluster.apply(ec2.clone());
    cluster.wait(&ec2, healthy).await;
    assert!(known("vpcs.ec2.aws.m.upbound.io"));
    assert!(!known("subnets.ec2.aws.m.upbound.io"));
    cluster.apply(policy(json!(["*.ec2.aws.m.upbound.io"])));
    let subnets = definition("subnets.ec2.aws.m.upbound.io");
    cluster.wait(&subnets, |_| true).await;
}

#[tokio::test]
async fn packages_that_cannot_be_had_say_why() {
    let cluster = Cluster::open().await;
    cluster.crossplane().await;
    cluster
        .inject("[[package]]\nname = \"slow\"\nfails = \"no route to host\"\n")
        .await;
    let (old, helm) = (
        format!("{X}/provider-aws-rds:v0.1.0"),
        format!("{X}/provider-helm:v1.4.0"),
    );
    for (name, image, says) in [
        ("none", "xpkg.example.org/who/what:v1", "NAME_UNKNOWN"),
        (
            "old",
            &old,
            "provider-aws-rds/manifests/v0.1.0: MANIFEST_UNKNOWN",
        ),
        ("slow", &helm, "cannot unpack package: no route to host"),
    ] {
        let it = package("Provider", name, image);
        cluster.apply(it.clone());
        let failed = |it: &Value| message(it, "Installed").contains(says);
        let it = cluster.wait(&it, failed).await;
        assert_eq!(reason(&it, "Installed"), "False:UnpackingPackage");
    }
}

#[tokio::test]
async fn a_managed_resource_goes_only_while_its_provider_can_delete_it() {
    let cluster = Cluster::open().await;
    let rds = cluster.databases().await;

    // Without a configuration it waits.
    let one = subnets("one");
    cluster.apply(one.clone());
    let refused = |it: &Value| reason(it, "Synced") == "False:ReconcileError";
    let it = cluster.wait(&one, refused).await;
    assert!(message(&it, "Synced").contains("clusterproviderconfigs.aws.m.upbound.io"));
    assert!(cluster.clouds().await.is_empty());
    cluster.apply(config());
    let it = cluster.wait(&one, is_ready).await;
    let metadata = &it["metadata"];
    assert_eq!(
        metadata["finalizers"],
        json!(["finalizer.managedresource.crossplane.io"])
    );
    assert_eq!(
        metadata["annotations"]["crossplane.io/external-name"],
        "one"
    );
    let name = |it: &str| format!("SubnetGroup.rds.aws.m.upbound.io default/{it}");
    assert_eq!(cluster.clouds().await, [name("one")]);

    // The configuration stays for as long as it is used.
    let used = |it: &Value| it["status"]["users"] == 1;
    cluster.wait(&config(), used).await;
    cluster.remove(&config());
    cluster.remove(&one);
    cluster.vanished(&one).await;
    cluster.vanished(&config()).await;
    assert!(cluster.clouds().await.is_empty());

    // What may not be deleted is left behind on purpose.
    cluster.apply(config());
    let mut kept = subnets("kept");
    kept["spec"]["managementPolicies"] = json!(["Observe", "Create", "Update"]);
    cluster.apply(kept.clone());
    cluster.wait(&kept, is_ready).await;
    cluster.remove(&kept);
    cluster.vanished(&kept).await;
    assert_eq!(cluster.clouds().await, [name("kept")]);

    // Whoever deletes the provider first leaves a resource that never goes, and what it stands for.
    let two = subnets("two");
    cluster.apply(two.clone());
    cluster.wait(&two, is_ready).await;
    cluster.remove(&rds);
    cluster.vanished(&rds).await;
    let deleted = |it: &Value| !it["metadata"]["deletionTimestamp"].is_null();
    cluster.wait(&two, deleted).await;
    cluster.pass("later").await;
    assert!(cluster.api.get(&key(&two)).is_some());
    assert_eq!(cluster.clouds().await, [name("kept"), name("two")]);
    // It outlives the cluster, and the process.
    let Cluster { stage, .. } = cluster;
    stage
        .ok("kind", &["delete", "cluster", "--name", "dot"])
        .await;
    let stage = stage.reopen().await;
    assert_eq!(stage.get("assets").await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn faults_strike_what_is_made_in_a_cloud() {
    let cluster = Cluster::open().await;
    cluster.databases().await;
    cluster.apply(config());
    cluster
        .inject(
            "[[managed]]\nkind = \"SubnetGroup\"\nname = \"default/bad\"\nfails = \"AccessDenied\"\n",
        )
        .await;
    let (bad, good) = (subnets("bad"), subnets("good"));
    cluster.apply(bad.clone());
    cluster.apply(good.clone());
    cluster.wait(&good, is_ready).await;
    let refused = |it: &Value| reason(it, "Synced") == "False:ReconcileError";
    let it = cluster.wait(&bad, refused).await;
    assert_eq!(message(&it, "Synced"), "create failed: AccessDenied");
    let made = cluster.clouds().await;
    assert_eq!(made, ["SubnetGroup.rds.aws.m.upbound.io default/good"]);
    cluster.inject("").await;
    cluster.remove(&bad);
    cluster.vanished(&bad).await;
}

#[tokio::test]
async fn a_composite_is_made_of_managed_resources_that_go_with_it() {
    let cluster = Cluster::open().await;
    cluster.databases().await;
    let ours = "xpkg.upbound.io/devops-toolkit";
    let all = [
        package("Provider", "ec2", &format!("{X}/provider-aws-ec2:v2.6.0")),
        package("Configuration", "sql", &format!("{ours}/dot-sql:v2.2.11")),
        package(
            "Configuration",
            "app",
            &format!("{ours}/dot-application:v3.0.46"),
        ),
    ];
    all.iter().for_each(|it| cluster.apply(it.clone()));
    for it in &all {
        cluster.wait(it, healthy).await;
    }
    cluster.apply(config());
    for name in ["sqls", "appclaims", "apps"] {
        let definition = definition(&format!("{name}.devopstoolkit.live"));
        cluster.wait(&definition, |_| true).await;
    }
    let labels = json!({"provider": "aws", "db": "postgresql"});
    let spec =
        json!({"size": "small", "crossplane": {"compositionSelector": {"matchLabels": labels}}});
    let sql = object("devopstoolkit.live/v1beta1", "SQL", "db", spec);
    let apps = "devopstoolkit.live/v1alpha1";
    let app = object(apps, "AppClaim", "shop", json!({"parameters": {}}));
    cluster.apply(sql.clone());
    cluster.apply(app.clone());
    cluster.wait(&sql, is_ready).await;
    let it = cluster.wait(&app, is_ready).await;
    let composite = &it["spec"]["resourceRef"]["name"];
    let composite = json!({"apiVersion": apps, "kind": "App", "metadata": {"name": composite}});
    cluster.wait(&composite, is_ready).await;
    assert_eq!(
        cluster.clouds().await,
        [
            "Instance.rds.aws.m.upbound.io default/db-rdsinstance",
            "SubnetGroup.rds.aws.m.upbound.io default/db-subnetgroup",
            "VPC.ec2.aws.m.upbound.io default/db-vpc",
        ]
    );
    cluster.remove(&sql);
    cluster.vanished(&sql).await;
    // The composite goes first; what it was made of takes its time.
    let instance = object(RDS, "Instance", "db-rdsinstance", Value::Null);
    assert!(cluster.api.get(&key(&instance)).is_some());
    cluster.vanished(&instance).await;
    cluster.remove(&app);
    cluster.vanished(&app).await;
    cluster.vanished(&composite).await;
    let deployment = object("apps/v1", "Deployment", "shop-deployment", Value::Null);
    cluster.vanished(&deployment).await;
    assert!(cluster.clouds().await.is_empty());
}

#[tokio::test]
async fn the_azure_operator_makes_detaches_and_deletes() {
    let cluster = Cluster::open().await;
    let url = "https://raw.githubusercontent.com/Azure/azure-service-operator/main/v2/charts";
    let patterns = "resources.azure.com/*;dbforpostgresql.azure.com/*";
    let values = json!({"createAzureOperatorSecret": false, "crdPattern": patterns});
    let home = "azureserviceoperator-system";
    cluster
        .chart(url, "azure-service-operator", home, values)
        .await;
    let known = |name: &str| cluster.api.get(&key(&definition(name))).is_some();
    assert!(known("resourcegroups.resources.azure.com"));
    assert!(!known("vaults.keyvault.azure.com"));

    let version = "resources.azure.com/v1api20200601";
    let group = object(
        version,
        "ResourceGroup",
        "rg",
        json!({"location": "eastus"}),
    );
    let server = |name: &str, policy: &str| {
        let version = "dbforpostgresql.azure.com/v1api20240801";
        let spec = json!({"location": "eastus", "owner": {"name": "rg"}});
        let mut server = object(version, "FlexibleServer", name, spec);
        server["metadata"]["annotations"] =
            json!({"serviceoperator.azure.com/reconcile-policy": policy});
        server
    };
    let (db, kept) = (server("db", "manage"), server("kept", "detach-on-delete"));
    for it in [&db, &kept, &group] {
        cluster.apply(it.clone());
    }
    let at = |it: Value, wanted: &'static str| {
        let cluster = &cluster;
        async move { cluster.wait(&it, |it| reason(it, "Ready") == wanted).await }
    };
    at(group.clone(), "False:SecretNotFound").await;
    cluster.apply(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "aso-controller-settings", "namespace": home},
        "stringData": {"AZURE_SUBSCRIPTION_ID": "some"},
    }));
    for it in [&group, &db, &kept] {
        at(it.clone(), "True:Succeeded").await;
    }
    assert_eq!(cluster.clouds().await.len(), 3);
    for it in [&kept, &db] {
        cluster.remove(it);
        cluster.vanished(it).await;
    }
    assert_eq!(
        cluster.clouds().await,
        [
            "FlexibleServer.dbforpostgresql.azure.com default/kept",
            "ResourceGroup.resources.azure.com default/rg",
        ]
    );

    // Without the operator nothing goes.
    let mut operator = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "azureserviceoperator-controller-manager", "namespace": home},
    });
    operator["spec"] = cluster.api.get(&key(&operator)).unwrap()["spec"].clone();
    cluster.remove(&operator);
    cluster.vanished(&operator).await;
    cluster.remove(&group);
    cluster.pass("later").await;
    assert!(cluster.api.get(&key(&group)).is_some());
    // With it the group goes, and with the group all that is in it.
    cluster.apply(operator);
    cluster.vanished(&group).await;
    assert!(cluster.clouds().await.is_empty());
}
