"""The table of resource types, providers/simulator/aws/cloudformation.types, and the schemas of CloudFormation's registry, which
cfn-lint brings along.

`resources.py check FILE` compares them: what the table says must be so in the schemas. `resources.py write FILE` writes it anew.
"""

import json
import sys
from pathlib import Path

import cfnlint

TYPES = """AWS::EC2::VPC AWS::EC2::Subnet AWS::EC2::InternetGateway AWS::EC2::VPCGatewayAttachment AWS::EC2::EIP
    AWS::EC2::NatGateway AWS::EC2::RouteTable AWS::EC2::Route AWS::EC2::SubnetRouteTableAssociation AWS::EC2::SecurityGroup
    AWS::EC2::SecurityGroupIngress AWS::EC2::SecurityGroupEgress AWS::EC2::VPCEndpoint AWS::EC2::LaunchTemplate
    AWS::IAM::Role AWS::IAM::ManagedPolicy AWS::IAM::Policy AWS::IAM::RolePolicy AWS::IAM::InstanceProfile
    AWS::IAM::OIDCProvider AWS::Logs::LogGroup""".split()


def schemas():
    folder = Path(cfnlint.__file__).parent / "data" / "schemas"
    index = json.loads((folder / "providers" / "us-east-1.json").read_text())
    return {name: json.loads((folder / "resources" / f"{index[name]}.json").read_text()) for name in TYPES}


def kind(schema, what):
    while "$ref" in what:
        what = schema["definitions"][what["$ref"].rsplit("/", 1)[1]]
    given = what.get("type", "any")
    return {"array": "list"}.get(given, given) if isinstance(given, str) else "any"


def names(schema, key):
    return [path.split("/")[2] for path in schema.get(key, []) if path.count("/") == 2]


def lines(schema):
    attributes = names(schema, "readOnlyProperties")
    yield f"type {schema['typeName']} {' '.join(names(schema, 'primaryIdentifier'))}"
    for name, what in schema["properties"].items():
        if name in attributes:
            continue
        must = "!" if name in schema.get("required", []) else ""
        new = " new" if name in names(schema, "createOnlyProperties") else ""
        yield f"  {name}{must} {kind(schema, what)}{new}"
    for name in attributes:
        yield f"  = {name}"


def main():
    path = Path(sys.argv[2])
    wanted = [line for schema in schemas().values() for line in lines(schema)]
    if sys.argv[1] == "write":
        path.write_text("\n".join(wanted) + "\n")
        return 0
    known, faults, place = {}, 0, None
    for line in wanted:
        place = line if line.startswith("type") else place
        known.setdefault(place, set()).add(line)
    for line in path.read_text().splitlines():
        place = line if line.startswith("type") else place
        if line not in known.get(place, ()):
            faults += 1
            print(f"WRONG {place}: {line.strip()}")
    print(f"{len(known)} types were compared")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
