//! What somebody else does in the simulated account, over the wire.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use serde_json::{Value, json};
use windlass_provider::Ctx;

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const KEY: &str = "AKIAREHEARSAL";
pub(crate) const SECRET: &str = "rehearsal";
/// The stack of what somebody else needs.
pub(crate) const OTHERS: &str = "others";

/// A role that EKS takes for a cluster.
const ROLE: &str = r#"{"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {
    "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}]},
    "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"]}}},
    "Outputs": {"Role": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}}}"#;

pub(crate) struct Account {
    pub(crate) url: String,
    http: reqwest::Client,
}

impl Account {
    pub(crate) fn new(url: String) -> Self {
        // reqwest panics without one; it fails only where there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build();
        Self {
            url,
            http: http.expect("a client"),
        }
    }

    async fn call(
        &self,
        cx: &Ctx,
        service: &str,
        (method, path): (&str, &str),
        (kind, body): (&str, String),
    ) -> (u16, String) {
        let url = format!("{}{path}", self.url);
        let identity = Credentials::new(KEY, SECRET, None, None, "test").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name(service)
            .time(SystemTime::from(cx.clock.now()))
            .settings(SigningSettings::default())
            .build()
            .expect("parameters")
            .into();
        let headers = [("content-type", kind)];
        let body_of = SignableBody::Bytes(body.as_bytes());
        let request = SignableRequest::new(method, url.as_str(), headers.into_iter(), body_of);
        let (signed, _) = sign(request.expect("a request"), &parameters)
            .expect("a signature")
            .into_parts();
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, &url).header("content-type", kind);
        for (name, value) in signed.headers() {
            request = request.header(name, value);
        }
        let answer = request.body(body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("text"))
    }

    async fn query(&self, cx: &Ctx, service: &str, parameters: &[(&str, &str)]) -> String {
        let encode =
            |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        let pairs = parameters
            .iter()
            .map(|(key, value)| format!("{key}={}", encode(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        let (status, text) = self.call(cx, service, ("POST", "/"), (kind, body)).await;
        assert_eq!(status, 200, "{text}");
        text
    }

    /// Calls EKS.
    pub(crate) async fn eks(&self, cx: &Ctx, method: &str, path: &str, body: &Value) -> Value {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let kind = "application/json";
        let (status, text) = self.call(cx, "eks", (method, path), (kind, body)).await;
        assert_eq!(status, 200, "{method} {path}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Looks at something of EKS until it is as wanted.
    pub(crate) async fn wait(&self, cx: &Ctx, path: &str, wanted: impl Fn(&Value) -> bool) {
        for _ in 0..200 {
            if wanted(&self.eks(cx, "GET", path, &Value::Null).await) {
                return;
            }
            cx.clock.sleep(Duration::from_secs(30)).await;
        }
        panic!("{path} does not come to be as wanted");
    }

    /// Makes a security group as a controller in a cluster does for a load balancer: in the cluster's network, or where that is gone
    /// in the one that every account has.
    pub(crate) async fn leave_behind(&self, cx: &Ctx, cluster: &str) {
        let look = [("Action", "DescribeVpcs"), ("Version", "2016-11-15")];
        let own = [
            ("Filter.1.Name", "tag:windlass-cluster"),
            ("Filter.1.Value.1", cluster),
        ];
        let mut text = self.query(cx, "ec2", &[look, own].concat()).await;
        if !text.contains("<vpcId>") {
            text = self.query(cx, "ec2", &look).await;
        }
        let network = between(&text, "<vpcId>", "</vpcId>");
        let tag = format!("kubernetes.io/cluster/{cluster}");
        let name = format!("k8s-elb-{cluster}-{}", cx.clock.now().as_second());
        let make = [
            ("Action", "CreateSecurityGroup"),
            ("Version", "2016-11-15"),
            ("GroupName", name.as_str()),
            ("GroupDescription", "Security group for Kubernetes ELB"),
            ("VpcId", network),
            ("TagSpecification.1.ResourceType", "security-group"),
            ("TagSpecification.1.Tag.1.Key", tag.as_str()),
            ("TagSpecification.1.Tag.1.Value", "owned"),
        ];
        self.query(cx, "ec2", &make).await;
    }

    /// Makes a cluster in the network that every account has.
    pub(crate) async fn make_cluster(&self, cx: &Ctx, name: &str) {
        let stack = [
            ("Action", "CreateStack"),
            ("Version", "2010-05-15"),
            ("StackName", OTHERS),
            ("TemplateBody", ROLE),
            ("Capabilities.member.1", "CAPABILITY_IAM"),
        ];
        self.query(cx, "cloudformation", &stack).await;
        let look = [
            ("Action", "DescribeStacks"),
            ("Version", "2010-05-15"),
            ("StackName", OTHERS),
        ];
        let role = loop {
            let text = self.query(cx, "cloudformation", &look).await;
            if text.contains("CREATE_COMPLETE") {
                break between(&text, "<OutputValue>", "</OutputValue>").to_owned();
            }
            assert!(!text.contains("ROLLBACK"), "{text}");
            cx.clock.sleep(Duration::from_secs(5)).await;
        };
        let look = [("Action", "DescribeSubnets"), ("Version", "2016-11-15")];
        let text = self.query(cx, "ec2", &look).await;
        let subnets: Vec<&str> = text
            .split("<item>")
            .filter(|item| item.contains("<subnetId>") && !item.contains("us-east-1e"))
            .map(|item| between(item, "<subnetId>", "</subnetId>"))
            .take(2)
            .collect();
        let body = json!({
            "name": name,
            "roleArn": role,
            "resourcesVpcConfig": { "subnetIds": subnets },
        });
        self.eks(cx, "POST", "/clusters", &body).await;
        let path = format!("/clusters/{name}");
        self.wait(cx, &path, |it| it["cluster"]["status"] == "ACTIVE")
            .await;
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).expect("the beginning");
    rest.split_once(after).expect("the end").0
}
