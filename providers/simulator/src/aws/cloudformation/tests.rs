use super::{checks, functions::Scope, template};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const TEMPLATE: &str = r#"
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Name: {Type: String, AllowedPattern: "[a-z]+", Default: dot}
  Count: {Type: Number, MinValue: 1, MaxValue: 3}
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
Mappings:
  Blocks: {dot: {Cidr: 10.0.0.0/16}}
Conditions:
  Two: !Equals [!Ref Count, "2"]
  Never: !And [!Condition Two, !Not [!Equals [!Ref Name, dot]]]
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: !FindInMap [Blocks, !Ref Name, Cidr], EnableDnsSupport: true}
  Subnet:
    Type: AWS::EC2::Subnet
    Condition: Never
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/20}
"#;

fn parameters(given: &Value) -> Result<BTreeMap<String, Value>, String> {
    let read = template::parse(TEMPLATE).unwrap();
    checks::parameters(&read, given, &BTreeMap::new()).map_err(|fault| fault.message)
}

#[test]
fn functions_stand_for_what_the_documentation_says() {
    let read = template::parse(TEMPLATE).unwrap();
    let values = parameters(&json!([{"ParameterKey": "Count", "ParameterValue": "2"}])).unwrap();
    let find = |name: &str| {
        (name == "Vpc").then(|| ("vpc-1".to_owned(), json!({"CidrBlock": "10.0.0.0/16"})))
    };
    let scope = Scope {
        template: &read,
        region: "eu-west-1",
        stack: "net",
        stack_id: "id",
        parameters: &values,
        resources: &find,
    };
    let cases = [
        ("!Ref Vpc", json!("vpc-1")),
        ("!GetAtt Vpc.CidrBlock", json!("10.0.0.0/16")),
        (
            "!Sub '${Name}-${AWS::Region}-${!kept}-${Vpc.CidrBlock}'",
            json!("dot-eu-west-1-${kept}-10.0.0.0/16"),
        ),
        ("!Sub ['${x}!', {x: !Ref Name}]", json!("dot!")),
        ("!Join ['|', [!Ref Name, b, 3]]", json!("dot|b|3")),
        ("!Join [',', !Ref Zones]", json!("a,b")),
        ("!Select [1, !GetAZs '']", json!("eu-west-1b")),
        ("!Select [0, !Split ['-', x-y]]", json!("x")),
        ("!If [Two, yes it is, 'no']", json!("yes it is")),
        (
            "{a: !If [Never, 1, !Ref 'AWS::NoValue'], b: 2}",
            json!({"b": 2}),
        ),
        (
            "!Select [2, !Cidr [10.0.0.0/16, 3, 8]]",
            json!("10.0.2.0/24"),
        ),
        ("!FindInMap [Blocks, !Ref Name, Cidr]", json!("10.0.0.0/16")),
        (
            "{Fn::Join: ['', [{Ref: Name}, {'Fn::Sub': '${AWS::StackName}'}]]}",
            json!("dotnet"),
        ),
    ];
    for (text, wanted) in cases {
        let value = template::parse(&format!("x: {text}")).unwrap();
        assert_eq!(scope.resolve(&value["x"]), Ok(wanted), "{text}");
    }
    for text in [
        "!Ref Moon",
        "!GetAtt Vpc.Moon",
        "!Select [9, !Ref Zones]",
        "!FindInMap [Blocks, moon, Cidr]",
        "!If [Moon, 1, 2]",
    ] {
        let value = template::parse(&format!("x: {text}")).unwrap();
        assert!(scope.resolve(&value["x"]).is_err(), "{text}");
    }
    assert_eq!(
        checks::chosen(&scope).map_err(|fault| fault.message),
        Ok(vec!["Vpc".to_owned()])
    );
}

#[test]
fn parameters_are_held_against_what_the_template_says() {
    let count = |value: &str| json!([{"ParameterKey": "Count", "ParameterValue": value}]);
    assert_eq!(parameters(&count("3")).unwrap()["Zones"], json!(["a", "b"]));
    for (given, told) in [
        (json!([]), "Parameters: [Count] must have values"),
        (count("4"), "Parameter 'Count' is out of its range"),
        (count("two"), "Parameter 'Count' must be a number"),
        (
            json!([{"ParameterKey": "Moon", "ParameterValue": "1"}]),
            "Parameters: [Moon] do not exist in the template",
        ),
        (
            json!([{"ParameterKey": "Name", "ParameterValue": "DOT"}, {"ParameterKey": "Count", "ParameterValue": "1"}]),
            "Parameter 'Name' must match pattern [a-z]+",
        ),
    ] {
        assert_eq!(parameters(&given), Err(told.to_owned()));
    }
}

#[test]
fn templates_that_cannot_be_are_refused() {
    let resource =
        |text: &str| format!("Resources:\n  A: {text}\n  B: {{Type: AWS::EC2::InternetGateway}}\n");
    for (text, told) in [
        (
            "x: 1".to_owned(),
            "Invalid template property or properties [x]",
        ),
        (
            "Resources: {}".to_owned(),
            "At least one Resources member must be defined",
        ),
        (
            resource("{Type: AWS::Moon::Base}"),
            "Unrecognized resource types: [AWS::Moon::Base]",
        ),
        (
            resource("{Type: AWS::EC2::VPC, Properties: {Colour: red}}"),
            "unsupported property Colour",
        ),
        (
            resource("{Type: AWS::EC2::Subnet, Properties: {CidrBlock: 10.0.0.0/24}}"),
            "Property VpcId cannot be empty",
        ),
        (
            resource("{Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref C}}"),
            "Unresolved resource dependencies [C]",
        ),
        (
            resource("{Type: AWS::EC2::Subnet, DependsOn: A, Properties: {VpcId: !Ref B}}"),
            "Circular dependency between resources: [A]",
        ),
        (
            resource("{Type: AWS::EC2::Subnet, Properties: {VpcId: !GetAtt B.Moon}}"),
            "does not support attribute type Moon",
        ),
        (
            resource("{Type: AWS::EC2::InternetGateway, Colour: red}"),
            "Invalid template resource property 'Colour'",
        ),
        (
            resource("{Type: AWS::EC2::InternetGateway, Type: twice}"),
            "YAML not well-formed",
        ),
        (
            resource("&a {Type: AWS::EC2::InternetGateway}")
                .replace("{Type: AWS::EC2::InternetGateway}\n  B", "x\n  C: *a\n  B"),
            "aliases are not allowed",
        ),
    ] {
        let refused = checks::template(&json!({"TemplateBody": text})).expect_err(&text);
        assert!(
            refused.message.contains(told),
            "{text}: {}",
            refused.message
        );
    }
}
