"""Judges requests that windlass sends to Google Cloud by the official discovery documents, as the package google-api-python-client brings
them: each line of standard input is a JSON object with method, path and body. What was sent is told by the names of its calls."""

import json
import re
import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import googleapiclient

FOLDER = Path(googleapiclient.__file__).parent / "discovery_cache/documents"
# The documents of each service; the newer API of projects knows nothing of organisations' policies.
DOCUMENTS = {
    "cloudbilling": ["cloudbilling.v1"],
    "cloudresourcemanager": ["cloudresourcemanager.v3", "cloudresourcemanager.v1"],
    "compute": ["compute.v1"],
    "container": ["container.v1"],
    "iam": ["iam.v1"],
    "serviceusage": ["serviceusage.v1"],
}
PLAIN = {"string": str, "boolean": bool, "integer": int, "number": (int, float)}
# Formats of what JSON holds as text, and of queries.
WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
FORMATS = {
    "int64": WHOLE,
    "uint64": re.compile(r"0|[1-9][0-9]*"),
    "byte": re.compile(r"[A-Za-z0-9+/_-]*={0,2}"),
    "google-datetime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "google-duration": re.compile(r"-?\d+(\.\d{1,9})?s"),
    "google-fieldmask": re.compile(r"[A-Za-z_.,]+"),
}
# What its words call required, and Google's own clients leave out: a pool is changed in one thing at a time.
ONE_AT_A_TIME = {"UpdateNodePoolRequest": {"imageType", "nodeVersion"}}


class Method:
    def __init__(self, document, method):
        self.document, self.method = document, method
        path = document["servicePath"] + method.get("flatPath", method["path"])
        parts = re.split(r"\{\+?(\w+)\}", path)
        self.names = parts[1::2]
        self.literal = sum(map(len, parts[::2]))
        self.pattern = re.compile("([^/:]+)".join(map(re.escape, parts[::2])))

    def takes(self, verb, path):
        return self.method["httpMethod"] == verb and self.pattern.fullmatch(path)


def methods(document):
    def within(resources):
        for resource in resources.values():
            yield from resource.get("methods", {}).values()
            yield from within(resource.get("resources", {}))

    return [Method(document, it) for it in within(document["resources"])]


def load(name):
    return methods(json.loads((FOLDER / f"{name}.json").read_text()))


def check_text(value, about, where):
    pattern = FORMATS.get(about.get("format"))
    assert pattern is None or pattern.fullmatch(value), f"{where}: {value!r} is no {about['format']}"
    own = about.get("pattern")
    assert own is None or re.fullmatch(own, value), f"{where}: {value!r} is not of {own}"
    allowed = about.get("enum")
    assert allowed is None or value in allowed, f"{where}: {value!r} is none of {allowed}"


def check_number(value, about, where):
    bits = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
    least, most = bits.get(about.get("format"), (None, None))
    least, most = int(about.get("minimum", least or -(2**63))), int(about.get("maximum", most or 2**63))
    assert least <= value <= most, f"{where}: {value} is not between {least} and {most}"


def check_parameter(value, about, where):
    """A parameter is text, whatever it means."""
    kind = about["type"]
    if kind == "boolean":
        assert value in ("true", "false"), f"{where}: {value!r} is no boolean"
    elif kind == "integer":
        assert WHOLE.fullmatch(value), f"{where}: {value!r} is no whole number"
        check_number(int(value), about, where)
    else:
        check_text(value, about, where)


def check_query(found, query):
    known = {**found.document["parameters"], **found.method.get("parameters", {})}
    seen = set()
    for key, value in parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)):
        about = known.get(key)
        assert about and about["location"] == "query", f"there is no parameter {key}"
        assert about.get("repeated") or key not in seen, f"{key} is there twice"
        check_parameter(value, about, key)
        seen.add(key)
    for key, about in known.items():
        if about["location"] == "query" and about.get("required"):
            assert key in seen, f"{key} is wanted"


def check_path(found, steps):
    known = found.method.get("parameters", {})
    for name, value in zip(found.names, steps, strict=True):
        assert value, f"{name} is empty"
        # What stands for several steps is checked by those.
        if name in known:
            check_parameter(unquote(value), known[name], name)


def is_required(about, call):
    """Older documents say by annotations what newer ones say in words."""
    told = about.get("annotations", {}).get("required")
    return call in told if told is not None else about.get("description", "").startswith("Required.")


def is_output(about):
    words = about.get("description", "")
    return about.get("readOnly") or words.startswith(("[Output Only]", "Output only."))


def check_object(found, schema, value, where):
    assert isinstance(value, dict), f"{where}: {value!r} is no {schema['id']}"
    properties = schema.get("properties", {})
    for key, inner in value.items():
        about = properties.get(key)
        assert about is not None, f"{where}: {schema['id']} has no {key}"
        # What was read is sent back whole where it is replaced, but for what only Google says.
        assert not is_output(about) or key in ("etag", "fingerprint"), f"{where}.{key}: only Google says it"
        check_value(found, about, inner, f"{where}.{key}")
    for key, about in properties.items():
        free = key in ONE_AT_A_TIME.get(schema["id"], ())
        if is_required(about, found.method["id"]) and not free:
            assert value.get(key) is not None, f"{where}: {schema['id']} wants {key}"


def check_value(found, about, value, where):
    if "$ref" in about:
        return check_object(found, found.document["schemas"][about["$ref"]], value, where)
    kind = about["type"]
    if kind == "array":
        assert isinstance(value, list), f"{where}: {value!r} is no list"
        for at, item in enumerate(value):
            check_value(found, about["items"], item, f"{where}[{at}]")
    elif kind == "object":
        assert isinstance(value, dict), f"{where}: {value!r} is no object"
        within = about.get("additionalProperties")
        assert within or "properties" not in about, f"{where}: nothing is known of it"
        for key, item in value.items():
            check_value(found, within, item, f"{where}.{key}")
    elif kind != "any":
        right = isinstance(value, PLAIN[kind]) and (kind == "boolean" or not isinstance(value, bool))
        assert right, f"{where}: {value!r} is no {kind}"
        check_text(value, about, where) if kind == "string" else None
        check_number(value, about, where) if kind == "integer" else None


def check_mask(found, query, body):
    """Each field that a mask names is one that can be changed."""
    schema = found.document["schemas"][found.method["request"]["$ref"]]
    masks = [value for key, value in parse_qsl(query) if key == "updateMask"]
    for key, about in schema.get("properties", {}).items():
        if about.get("format") == "google-fieldmask" and key in body:
            masks.append(body[key])
            schema = next(
                found.document["schemas"][it["$ref"]]
                for name, it in schema["properties"].items()
                if name in body and "$ref" in it
            )
    for field in ",".join(masks).split(",") if masks else []:
        assert field in schema["properties"], f"updateMask: {schema['id']} has no {field}"


def judge(documents, told):
    url = urlsplit(told["path"])
    # As in a simulated cloud: the service, and its own path.
    _, service, path = url.path.removeprefix("/google").split("/", 2)
    if service not in documents:
        documents[service] = [it for name in DOCUMENTS[service] for it in load(name)]
    fitting = [it for it in documents[service] if it.takes(told["method"], path)]
    assert fitting, f"{service} has no such call"
    found = max(fitting, key=lambda it: it.literal)
    check_path(found, found.pattern.fullmatch(path).groups())
    check_query(found, url.query)
    body = told["body"]
    if "request" in found.method:
        assert body is not None, "a body is wanted"
        schema = found.document["schemas"][found.method["request"]["$ref"]]
        check_object(found, schema, body, "body")
        check_mask(found, url.query, body)
    else:
        assert body is None, "no body is taken"
    return found.method["id"]


def main():
    documents, seen, wrong = {}, set(), []
    for line in sys.stdin:
        told = json.loads(line)
        try:
            seen.add(judge(documents, told))
        except AssertionError as error:
            wrong.append(f"{told['method']} {told['path']}: {error}\n  {json.dumps(told['body'])}")
    if wrong or not seen:
        sys.exit("\n".join(dict.fromkeys(wrong)) or "nothing was sent")
    print("\n".join(sorted(seen)))


main()
