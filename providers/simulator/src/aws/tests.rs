use super::signature::{self, Asked, encode};
use crate::{FaultFile, stage::Stage};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

const TEMPLATE: &str = include_str!("../../tests/aws/vpc.yaml");

/// Who asks the simulated AWS, and waits on the world's clock.
impl Stage {
    fn aws(
        &self,
        service: &str,
        method: &str,
        path: &str,
        kind: &str,
        body: String,
    ) -> impl Future<Output = (u16, String)> + use<> {
        let (host, _) = self
            .world
            .endpoint()
            .strip_prefix("http://")
            .unwrap()
            .split_once('/')
            .unwrap();
        let (host, service, method, path, kind) = (
            host.to_owned(),
            service.to_owned(),
            method.to_owned(),
            format!("/aws{path}"),
            kind.to_owned(),
        );
        async move {
            let asked = tokio::task::spawn_blocking(move || {
                ask(&host, &service, &method, &path, &kind, &body)
            });
            asked.await.unwrap()
        }
    }

    async fn eks(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (status, answer) = self
            .aws("eks", method, path, "application/json", body)
            .await;
        (status, serde_json::from_str(&answer).unwrap_or_default())
    }

    async fn formation(&self, action: &str, pairs: &[(&str, &str)]) -> (u16, String) {
        let mut form = format!("Action={action}&Version=2010-05-15");
        for (key, value) in pairs {
            form += &format!("&{key}={}", encode(value));
        }
        self.aws(
            "cloudformation",
            "POST",
            "/",
            "application/x-www-form-urlencoded",
            form,
        )
        .await
    }

    async fn make_stack(&self) -> String {
        let (status, answer) = self
            .formation(
                "CreateStack",
                &[
                    ("StackName", "net"),
                    ("TemplateBody", TEMPLATE),
                    ("Capabilities.member.1", "CAPABILITY_IAM"),
                    ("Parameters.member.1.ParameterKey", "ClusterName"),
                    ("Parameters.member.1.ParameterValue", "dot"),
                ],
            )
            .await;
        assert_eq!(status, 200, "{answer}");
        element(&answer, "StackId")
    }

    /// Waits until a stack is in no progress any more.
    async fn stack(&self, name: &str) -> String {
        loop {
            let (_, answer) = self
                .formation("DescribeStacks", &[("StackName", name)])
                .await;
            if !element(&answer, "StackStatus").ends_with("IN_PROGRESS") {
                return answer;
            }
            self.world.clock().sleep(Duration::from_secs(10)).await;
        }
    }

    async fn make_cluster(&self, stack: &str) -> (u16, Value) {
        let subnets: Vec<String> = output(stack, "Subnets")
            .split(',')
            .map(str::to_owned)
            .collect();
        let wanted = json!({
            "name": "dot", "roleArn": output(stack, "ClusterRole"), "resourcesVpcConfig": {"subnetIds": subnets},
            "accessConfig": {"authenticationMode": "API"},
        });
        self.eks("POST", "/clusters", wanted).await
    }

    /// Waits until a cluster is in another status.
    async fn cluster(&self, left: &str) -> Value {
        loop {
            let (status, answer) = self.eks("GET", "/clusters/dot", Value::Null).await;
            if status != 200 || answer["cluster"]["status"] != left {
                return answer;
            }
            self.world.clock().sleep(Duration::from_secs(30)).await;
        }
    }
}

fn ask(
    host: &str,
    service: &str,
    method: &str,
    path: &str,
    kind: &str,
    body: &str,
) -> (u16, String) {
    let mut headers: BTreeMap<String, String> = [
        ("host".to_owned(), host.to_owned()),
        ("content-type".to_owned(), kind.to_owned()),
    ]
    .into();
    let (place, query) = path.split_once('?').unwrap_or((path, ""));
    let asked = Asked {
        method,
        path: place,
        query,
        headers: &headers,
        body: body.as_bytes(),
    };
    let signed = signature::sign(&asked, ("us-east-1", service), Timestamp::now());
    headers.extend(signed);
    let mut head = format!(
        "{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let mut stream = TcpStream::connect(host).unwrap();
    stream
        .write_all(format!("{head}\r\n{body}").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return (0, answer);
    };
    (
        head.split_whitespace().nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    )
}

fn element(xml: &str, name: &str) -> String {
    let inner = xml
        .split(&format!("<{name}>"))
        .nth(1)
        .unwrap_or_else(|| panic!("{name} is not in {xml}"));
    inner.split('<').next().unwrap_or_default().to_owned()
}

fn output(stack: &str, key: &str) -> String {
    let rest = stack
        .split(&format!("<OutputKey>{key}</OutputKey>"))
        .nth(1)
        .unwrap_or_else(|| panic!("{key} is not in {stack}"));
    element(rest, "OutputValue")
}

#[tokio::test]
async fn what_goes_on_survives_its_process() {
    let stage = Stage::open().await;
    stage.make_stack().await;
    // In the middle of it.
    stage.world.clock().sleep(Duration::from_secs(20)).await;
    let before = stage.get("assets").await;
    assert!(
        before
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["kind"] == "ec2:vpc"),
        "{before}"
    );
    let stage = stage.reopen().await;
    let stack = stage.stack("net").await;
    assert_eq!(element(&stack, "StackStatus"), "CREATE_COMPLETE");
    assert_eq!(stage.make_cluster(&stack).await.0, 200);
    let stage = stage.reopen().await;
    let cluster = stage.cluster("CREATING").await;
    assert_eq!(cluster["cluster"]["status"], "ACTIVE");
    // The API server comes back under the same address, with what was in it.
    let state = stage.get("state").await;
    let stage = stage.reopen().await;
    let again = stage.get("state").await;
    assert_eq!(again["clusters"][0]["name"], state["clusters"][0]["name"]);
    assert_eq!(
        again["clusters"][0]["objects"].as_array().unwrap().len(),
        state["clusters"][0]["objects"].as_array().unwrap().len()
    );

    assert_eq!(
        stage.eks("DELETE", "/clusters/dot", Value::Null).await.0,
        200
    );
    assert_eq!(
        stage.cluster("DELETING").await["message"],
        "No cluster found for name: dot."
    );
    assert_eq!(stage.get("state").await["clusters"], json!([]));
    let id = element(&stack, "StackId");
    stage
        .formation("DeleteStack", &[("StackName", "net")])
        .await;
    assert_eq!(
        element(&stage.stack(&id).await, "StackStatus"),
        "DELETE_COMPLETE"
    );
    assert_eq!(stage.get("assets").await, json!([]));
}

#[tokio::test]
async fn mutating_requests_pass_the_gate() {
    let stage = Stage::open().await;
    stage.make_stack().await;
    let stack = stage.stack("net").await;
    for (when, made) in [("before", false), ("after", true)] {
        stage.post("hold", json!({"at": 1, "when": when})).await;
        let asked = stage.make_cluster(&stack);
        let dropped = async {
            let held = stage.get("held").await;
            assert_eq!(held["held"]["request"], "eks CreateCluster dot");
            stage.post("release", json!({"answer": false})).await;
        };
        let (answer, ()) = tokio::join!(asked, dropped);
        assert_eq!(answer.0, 0, "{answer:?}");
        let known = stage.eks("GET", "/clusters", Value::Null).await.1;
        assert_eq!(known["clusters"] == json!(["dot"]), made, "held {when}");
    }
}

#[tokio::test]
async fn faults_strike_requests_and_what_they_begin() {
    let stage = Stage::open().await;
    let faults = r#"
[[cloud]]
provider = "aws"
service = "eks"
action = "ListClusters"
status = 429
count = 1

[[cloud]]
service = "eks"
action = "TagResource"
code = "AccessDeniedException"

[[cloud]]
service = "cloudformation"
action = "CreateResource"
name = "net/Nat"
fails = "no NAT gateways today"
count = 1

[[cloud]]
service = "eks"
action = "CreateCluster"
stuck = true
"#;
    stage
        .world
        .inject(&FaultFile::parse(faults).unwrap())
        .await
        .unwrap();
    let (status, answer) = stage.eks("GET", "/clusters", Value::Null).await;
    assert_eq!((status, &answer["message"]), (429, &json!("Rate exceeded")));
    assert_eq!(stage.eks("GET", "/clusters", Value::Null).await.0, 200);
    let (status, answer) = stage
        .eks(
            "POST",
            "/tags/arn%3Aaws%3Aeks%3Aus-east-1%3A123456789012%3Acluster%2Fdot",
            json!({"tags": {"a": "b"}}),
        )
        .await;
    assert_eq!(status, 403, "{answer}");

    let id = stage.make_stack().await;
    let stack = stage.stack(&id).await;
    assert_eq!(element(&stack, "StackStatus"), "ROLLBACK_COMPLETE");
    let (_, events) = stage
        .formation("DescribeStackEvents", &[("StackName", &id)])
        .await;
    assert!(events.contains("no NAT gateways today"), "{events}");
    assert!(events.contains("Rollback requested by user."), "{events}");
    let left = stage.get("assets").await;
    assert_eq!(left.as_array().unwrap().len(), 1, "{left}");
    stage
        .formation("DeleteStack", &[("StackName", "net")])
        .await;
    stage.stack(&id).await;

    stage.make_stack().await;
    let stack = stage.stack("net").await;
    assert_eq!(stage.make_cluster(&stack).await.0, 200);
    stage.world.clock().sleep(Duration::from_secs(3600)).await;
    assert_eq!(
        stage.eks("GET", "/clusters/dot", Value::Null).await.1["cluster"]["status"],
        "CREATING"
    );
    // Faults end with the next file.
    stage
        .world
        .inject(&FaultFile::parse("").unwrap())
        .await
        .unwrap();
    assert_eq!(
        stage.cluster("CREATING").await["cluster"]["status"],
        "ACTIVE"
    );
}

#[tokio::test]
async fn requests_are_checked_as_strictly_as_shapes_say() {
    let stage = Stage::open().await;
    for (body, told) in [
        (
            json!({"name": "dot", "roleArn": "r"}),
            "Value null at 'resourcesVpcConfig'",
        ),
        (
            json!({"name": "dot", "roleArn": "r", "resourcesVpcConfig": {}, "color": "red"}),
            "Unknown parameter 'color'",
        ),
        (
            json!({"name": "d t", "roleArn": "r", "resourcesVpcConfig": {}}),
            "regular expression pattern",
        ),
        (
            json!({"name": "dot", "roleArn": 1, "resourcesVpcConfig": {}}),
            "Value at 'roleArn' is not a string",
        ),
        (
            json!({"name": "dot", "roleArn": "r", "resourcesVpcConfig": {}, "accessConfig": {"authenticationMode": "NONE"}}),
            "enum value set",
        ),
    ] {
        let (status, answer) = stage.eks("POST", "/clusters", body).await;
        assert_eq!(status, 400, "{answer}");
        assert!(
            answer["message"].as_str().unwrap().contains(told),
            "{answer}"
        );
    }
    let (status, answer) = stage
        .formation("DescribeStacks", &[("StackNam", "net")])
        .await;
    assert_eq!(
        (status, element(&answer, "Code").as_str()),
        (400, "ValidationError"),
        "{answer}"
    );
    let form = "Action=DescribeVpcs&Version=2016-11-15&Colour=red".to_owned();
    let (status, answer) = stage
        .aws(
            "ec2",
            "POST",
            "/",
            "application/x-www-form-urlencoded",
            form,
        )
        .await;
    assert_eq!(
        (status, element(&answer, "Code").as_str()),
        (400, "UnknownParameter"),
        "{answer}"
    );
    let (status, _) = stage
        .aws("s3", "GET", "/", "text/plain", String::new())
        .await;
    assert_eq!(status, 404);
}
