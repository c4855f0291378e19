"""What the scripts that drive the simulated AWS with boto3 share."""

import base64
import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import botocore.waiter
from botocore.config import Config
from botocore.exceptions import ClientError

WORLD = os.environ["WORLD"]
BASE = WORLD.split("/world/")[0] + "/aws"
REGION = "us-east-1"
KEYS = {"aws_access_key_id": "AKIAREHEARSAL", "aws_secret_access_key": "rehearsal"}
TEMPLATE = (Path(__file__).parent / "vpc.yaml").read_text()


def sleep(seconds):
    """Lets time go by in the world."""
    with urllib.request.urlopen(f"{WORLD}/clock/sleep?for={seconds}"):
        pass


class WorldTime:
    """The module `time` as waiters use it."""

    sleep = staticmethod(sleep)


botocore.waiter.time = WorldTime


def client(service, region=REGION, **keys):
    config = Config(retries={"max_attempts": 0})
    return boto3.client(service, endpoint_url=BASE, region_name=region, config=config, **(keys or KEYS))


def refused(code, call, **arguments):
    """Checks that a call is refused with a code, and returns the message."""
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} was expected of {arguments}")


def control(name, body=None):
    text = None
    if body is not None:
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{WORLD}/control/{name}", data=text)) as answer:
        return json.load(answer)


def assets(kind=None):
    return [it for it in control("assets") if it.get("provider") == "aws" and kind in (None, it["kind"])]


def stack(name="windlass-dot", cluster="dot", **extra):
    """Makes a stack and returns its outputs."""
    formation = client("cloudformation")
    formation.create_stack(
        StackName=name,
        TemplateBody=TEMPLATE,
        Parameters=[{"ParameterKey": "ClusterName", "ParameterValue": cluster}],
        Capabilities=["CAPABILITY_IAM"],
        Tags=[{"Key": "windlass-cluster", "Value": cluster}],
        **extra,
    )
    formation.get_waiter("stack_create_complete").wait(StackName=name)
    told = formation.describe_stacks(StackName=name)["Stacks"][0]
    return {it["OutputKey"]: it["OutputValue"] for it in told["Outputs"]}


def token(cluster, keys=None):
    """Returns a token as the stock program makes it."""
    keys = keys or {"AWS_ACCESS_KEY_ID": "AKIAREHEARSAL", "AWS_SECRET_ACCESS_KEY": "rehearsal"}
    told = aws("eks", "get-token", "--cluster-name", cluster, keys=keys)
    return told["status"]["token"]


def aws(*words, keys=None, text=False):
    """Runs the stock program, and returns what it says."""
    keys = keys or {"AWS_ACCESS_KEY_ID": "AKIAREHEARSAL", "AWS_SECRET_ACCESS_KEY": "rehearsal"}
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["SCRATCH"], "AWS_EC2_METADATA_DISABLED": "true"}
    env |= {"AWS_ENDPOINT_URL": BASE, "AWS_DEFAULT_REGION": REGION, "AWS_PAGER": "", **keys}
    program = Path(sys.executable).parent / "aws"
    done = subprocess.run([sys.executable, program, *words, "--output", "json"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"aws {words}: {done.stderr}"
    return done.stdout if text else json.loads(done.stdout)


class Kube:
    """The API server of a cluster."""

    def __init__(self, cluster, bearer):
        told = client("eks").describe_cluster(name=cluster)["cluster"]
        self.endpoint, self.bearer = told["endpoint"], bearer
        authority = base64.b64decode(told["certificateAuthority"]["data"]).decode()
        self.context = ssl.create_default_context(cadata=authority)

    def __call__(self, path, method="GET", body=None, expect=None):
        headers = {"Authorization": f"Bearer {self.bearer}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(self.endpoint + path, method=method, headers=headers, data=data)
        try:
            with urllib.request.urlopen(request, context=self.context) as answer:
                assert expect in (None, answer.status), (path, answer.status)
                return json.load(answer)
        except urllib.error.HTTPError as error:
            told = json.load(error)
            assert error.code == expect, (path, told)
            return told

    def until(self, path, holds):
        """Waits until an object is so; None stands for one that is gone."""
        place, name = path.rsplit("/", 1)
        one = f"{place}?fieldSelector=metadata.name%3D{name}"
        known = self(one)
        found = known["items"][0] if known["items"] else None
        if holds(found):
            return found
        query = f"{one}&watch=1&timeoutSeconds=30&resourceVersion={known['metadata']['resourceVersion']}"
        request = urllib.request.Request(self.endpoint + query, headers={"Authorization": f"Bearer {self.bearer}"})
        with urllib.request.urlopen(request, context=self.context) as lines:
            for line in lines:
                event = json.loads(line)
                found = None if event["type"] == "DELETED" else event["object"]
                if holds(found):
                    return found
        raise AssertionError(f"{path} never came to that")
