"""The tables of shapes under providers/simulator/aws, and botocore's service models.

`shapes.py check FOLDER` compares each table with the model: what a table says must be so in the model, and what a request must
have in the model must be in the table. A member that the model has and the table has not is told, and is no failure: AWS adds some
every week. `shapes.py write FOLDER SOURCES` writes the tables anew: of requests all members, of answers those that SOURCES (the
simulator's Rust files) name.
"""

import re
import sys
from pathlib import Path

import botocore.session

OPERATIONS = {
    "sts": ["GetCallerIdentity", "AssumeRole"],
    "eks": """CreateCluster DescribeCluster ListClusters DeleteCluster UpdateClusterConfig UpdateClusterVersion
        DescribeClusterVersions CreateNodegroup DescribeNodegroup ListNodegroups DeleteNodegroup UpdateNodegroupConfig
        UpdateNodegroupVersion CreateAddon DescribeAddon ListAddons DeleteAddon UpdateAddon DescribeAddonVersions
        CreatePodIdentityAssociation DescribePodIdentityAssociation ListPodIdentityAssociations
        DeletePodIdentityAssociation UpdatePodIdentityAssociation CreateAccessEntry DescribeAccessEntry ListAccessEntries
        DeleteAccessEntry UpdateAccessEntry AssociateAccessPolicy DisassociateAccessPolicy ListAssociatedAccessPolicies
        ListAccessPolicies TagResource UntagResource ListTagsForResource DescribeUpdate ListUpdates""".split(),
    "cloudformation": """CreateStack UpdateStack DeleteStack DescribeStacks DescribeStackEvents DescribeStackResources
        DescribeStackResource ListStackResources ListStacks GetTemplate GetTemplateSummary ValidateTemplate
        CreateChangeSet DescribeChangeSet ExecuteChangeSet DeleteChangeSet""".split(),
    "ec2": """DescribeVpcs DescribeSubnets DescribeAvailabilityZones DescribeRegions DescribeInstanceTypeOfferings
        DescribeInstanceTypes DescribeInstances DescribeNetworkInterfaces DeleteNetworkInterface DetachNetworkInterface
        CreateNetworkInterface DescribeSecurityGroups DescribeSecurityGroupRules CreateSecurityGroup DeleteSecurityGroup
        AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress RevokeSecurityGroupEgress DescribeVolumes DeleteVolume
        DescribeAddresses ReleaseAddress DescribeNatGateways DescribeInternetGateways DescribeRouteTables
        DescribeAccountAttributes CreateTags DeleteTags DescribeTags TerminateInstances""".split(),
    "elb": "DescribeLoadBalancers DescribeTags DeleteLoadBalancer".split(),
    "elbv2": """DescribeLoadBalancers DescribeTags DeleteLoadBalancer DescribeTargetGroups DeleteTargetGroup
        DescribeListeners DeleteListener""".split(),
    "iam": """GetRole ListRoles ListAttachedRolePolicies ListRolePolicies SimulatePrincipalPolicy ListOpenIDConnectProviders
        GetOpenIDConnectProvider CreateOpenIDConnectProvider DeleteOpenIDConnectProvider""".split(),
    "resourcegroupstaggingapi": ["GetResources"],
    "service-quotas": ["GetServiceQuota", "ListServiceQuotas", "GetAWSDefaultServiceQuota"],
    "logs": ["DescribeLogGroups", "DeleteLogGroup", "CreateLogGroup", "PutRetentionPolicy", "ListTagsForResource"],
}
PLAIN = {"string", "integer", "long", "boolean", "timestamp", "double", "float", "blob"}


class Writer:
    """Writes the table of one service."""

    def __init__(self, service, operations, words):
        self.model = botocore.session.get_session().get_service_model(service)
        self.raw = self.model._service_description
        self.operations = operations
        self.words = words
        self.done = {}

    def table(self):
        meta = self.raw["metadata"]
        protocol = meta["protocol"]
        if "json" in meta.get("protocols", []):
            protocol = "json"
        place = meta.get("xmlNamespace") or meta.get("targetPrefix") or "-"
        lines = [f"service {meta['endpointPrefix']} {protocol} {meta['apiVersion']} {place}"]
        for name in self.operations:
            operation = self.raw["operations"][name]
            http = operation["http"]
            source, target = (operation.get(way, {}).get("shape", "-") for way in ("input", "output"))
            wrap = operation.get("output", {}).get("resultWrapper", "-")
            lines.append(f"op {name} {http['method']} {http['requestUri']} {source} {target} {wrap}")
            for shape, whole in ((source, True), (target, False)):
                if shape != "-":
                    self.note(shape, whole)
        # A shape of a request is written whole even where an answer has it, too.
        for name in sorted(self.done):
            lines.extend(self.write(name))
        return "\n".join(lines) + "\n"

    def note(self, name, whole):
        if self.done.get(name, None) in (True, whole):
            return
        self.done[name] = whole or self.done.get(name, False)
        shape = self.raw["shapes"][name]
        if shape["type"] == "structure":
            for member, what in self.members(shape, whole):
                self.note(what["shape"], whole)
        elif shape["type"] == "list":
            self.note(shape["member"]["shape"], whole)
        elif shape["type"] == "map":
            self.note(shape["key"]["shape"], whole)
            self.note(shape["value"]["shape"], whole)

    def members(self, shape, whole):
        for member, what in shape["members"].items():
            if whole or self.words is None or member in self.words or member in shape.get("required", []):
                yield member, what

    def refer(self, name):
        return self.raw["shapes"][name]["type"] if self.is_plain(name) else name

    def is_plain(self, name):
        shape = self.raw["shapes"][name]
        if shape["type"] not in PLAIN:
            return False
        if shape["type"] == "timestamp":
            return "timestampFormat" not in shape
        limits = ("min", "max", "pattern", "enum")
        return not (self.done[name] and any(key in shape for key in limits))

    def write(self, name):
        shape = self.raw["shapes"][name]
        kind, whole = shape["type"], self.done[name]
        if self.is_plain(name):
            return
        if kind == "structure":
            yield f"struct {name}"
            required = shape.get("required", [])
            for member, what in self.members(shape, whole):
                line = f"  {member}{'!' if member in required else ''} {self.refer(what['shape'])}"
                place = what.get("location")
                if place:
                    line += f" @{ {'uri': 'uri', 'querystring': 'query', 'header': 'header', 'statusCode': 'status'}[place] }"
                if what.get("locationName", member) != member:
                    line += f" as={what['locationName']}"
                if "queryName" in what:
                    line += f" q={what['queryName']}"
                yield line
        elif kind == "list":
            item = shape["member"].get("locationName", "member")
            flat = " flat" if shape.get("flattened") else ""
            yield f"list {name} {self.refer(shape['member']['shape'])} {item}{self.limits(shape)}{flat}"
        elif kind == "map":
            flat = " flat" if shape.get("flattened") else ""
            yield f"map {name} {self.refer(shape['key']['shape'])} {self.refer(shape['value']['shape'])}{flat}"
        elif "enum" in shape and whole:
            yield f"enum {name} {' '.join(shape['enum'])}"
        elif kind == "timestamp":
            yield f"timestamp {name} {shape['timestampFormat']}"
        else:
            pattern = f" /{shape['pattern']}/" if usable(shape.get("pattern")) else ""
            yield f"{kind} {name}{self.limits(shape)}{pattern}"

    @staticmethod
    def limits(shape):
        if "min" not in shape and "max" not in shape:
            return ""
        return f" {number(shape.get('min', ''))}..{number(shape.get('max', ''))}"


def number(limit):
    return int(limit) if limit != "" and float(limit).is_integer() else limit


def usable(pattern):
    """Says whether Rust's regex knows the pattern: it looks neither ahead nor behind."""
    return pattern and not re.search(r"\(\?[=!<]|\\u[0-9A-Fa-f]{4}|\\u\{", pattern) and "\n" not in pattern


def write(folder, sources):
    words = None
    if sources:
        text = "".join(path.read_text() for path in Path(sources).rglob("*.rs"))
        words = set(re.findall(r'"([A-Za-z0-9]+)"', text)) | set(re.findall(r"\b([A-Za-z0-9]+)\b", text))
    for service, operations in OPERATIONS.items():
        (folder / f"{service}.shapes").write_text(Writer(service, operations, words).table())


class Checker:
    """Compares one table with its model."""

    def __init__(self, service, text):
        self.service = service
        self.raw = botocore.session.get_session().get_service_model(service)._service_description
        self.faults, self.news, self.inputs = [], [], []
        self.lines = text.splitlines()

    def fail(self, what):
        self.faults.append(f"{self.service}: {what}")

    def run(self):
        shapes, current = {}, None
        for line in self.lines:
            words = line.split()
            if line.startswith("  "):
                current.append(words)
            elif words[0] == "service":
                self.service_line(words)
            elif words[0] == "op":
                self.operation(words)
            else:
                current = []
                shapes[words[1]] = (line, words, current)
        for line, words, members in shapes.values():
            self.shape(line, words, members)
        whole, queue = set(), list(self.inputs)
        while queue:
            name = queue.pop()
            if name in whole or name not in self.raw["shapes"]:
                continue
            whole.add(name)
            shape = self.raw["shapes"][name]
            if shape["type"] == "structure":
                self.request(name, shape, shapes)
            queue.extend(self.parts(shape))
        return self.faults, self.news

    @staticmethod
    def parts(shape):
        parts = list(shape.get("members", {}).values()) + [shape[key] for key in ("member", "key", "value") if key in shape]
        return [part["shape"] for part in parts]

    def service_line(self, words):
        meta = self.raw["metadata"]
        place = meta.get("xmlNamespace") or meta.get("targetPrefix") or "-"
        if [words[1], words[3], words[4]] != [meta["endpointPrefix"], meta["apiVersion"], place]:
            self.fail(f"the service is {meta['endpointPrefix']} {meta['apiVersion']} {place}")
        if words[2] not in meta.get("protocols", [meta["protocol"]]):
            self.fail(f"the service does not speak {words[2]}")

    def operation(self, words):
        _, name, method, uri, source, target, wrap = words
        known = self.raw["operations"].get(name)
        if not known:
            return self.fail(f"there is no {name}")
        ways = {way: known.get(way, {}).get("shape", "-") for way in ("input", "output")}
        wanted = [known["http"]["method"], known["http"]["requestUri"], ways["input"], ways["output"]]
        wanted.append(known.get("output", {}).get("resultWrapper", "-"))
        if wanted != [method, uri, source, target, wrap]:
            self.fail(f"{name} is {wanted}")
        self.inputs.append(source)

    def shape(self, line, words, members):
        kind, name = words[:2]
        known = self.raw["shapes"].get(name)
        if not known:
            return self.fail(f"there is no shape {name}")
        actual = {"structure": "struct", "string": "enum" if kind == "enum" else "string"}.get(known["type"], known["type"])
        if actual != kind:
            return self.fail(f"{name} is a {known['type']}")
        if kind == "struct":
            for member in members:
                self.member(name, known, member)
        elif kind == "list":
            self.refers(f"{name}[]", words[2], known["member"]["shape"])
            if words[3] != known["member"].get("locationName", "member") or ("flat" in words) != bool(known.get("flattened")):
                self.fail(f"{name} is written another way")
            self.limits(name, words[4:], known)
        elif kind == "map":
            self.refers(f"{name} key", words[2], known["key"]["shape"])
            self.refers(f"{name} value", words[3], known["value"]["shape"])
        elif kind == "enum":
            for value in set(words[2:]) - set(known.get("enum", [])):
                self.fail(f"{name} is never {value}")
        elif kind == "timestamp":
            if words[2] != known.get("timestampFormat"):
                self.fail(f"{name} is written as {known.get('timestampFormat')}")
        else:
            self.limits(name, words[2:], known)
            if " /" in line and line.split(" /", 1)[1][:-1] != known.get("pattern"):
                self.fail(f"the pattern of {name} is {known.get('pattern')}")

    def limits(self, name, words, known):
        wanted = Writer.limits(known).strip()
        given = next((word for word in words if re.fullmatch(r"-?[\d.]*\.\.-?[\d.]*", word)), "")
        if given != wanted:
            self.fail(f"the limits of {name} are {wanted or 'none'}, not {given or 'none'}")

    def member(self, name, shape, words):
        member, required = words[0].rstrip("!"), words[0].endswith("!")
        known = shape["members"].get(member)
        if not known:
            return self.fail(f"{name} has no {member}")
        if required != (member in shape.get("required", [])):
            self.fail(f"{name}.{member}: required is {not required}")
        self.refers(f"{name}.{member}", words[1], known["shape"])
        extras = dict(word.split("=", 1) for word in words[2:] if "=" in word)
        place = {"uri": "uri", "querystring": "query", "header": "header"}.get(known.get("location"))
        given = next((word[1:] for word in words[2:] if word.startswith("@")), None)
        named = known.get("locationName", member)
        if (given, extras.get("as", member), extras.get("q")) != (place, named, known.get("queryName")):
            self.fail(f"{name}.{member} is written another way: {known}")

    def refers(self, place, given, wanted):
        if given != wanted and given != self.raw["shapes"][wanted]["type"]:
            self.fail(f"{place} is of {wanted}, not {given}")

    def request(self, name, shape, shapes):
        given = {words[0].rstrip("!") for words in shapes.get(name, (0, 0, []))[2]}
        for member in shape["members"]:
            if member in given:
                continue
            if member in shape.get("required", []):
                self.fail(f"{name} must have {member}")
            else:
                self.news.append(f"{self.service}: {name}.{member} is new")


def check(folder):
    faults, count = [], 0
    for path in sorted(folder.glob("*.shapes")):
        found, news = Checker(path.stem, path.read_text()).run()
        faults += found
        count += 1
        for new in news:
            print(new)
    for fault in faults:
        print(f"WRONG {fault}")
    print(f"{count} services were compared")
    return 1 if faults or not count else 0


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
    else:
        sys.exit(check(Path(sys.argv[2])))
