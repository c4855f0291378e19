"""Drives the life of a cluster with boto3, its waiters included, and the stock aws program: from nothing to a working cluster,
and back to nothing."""

import base64
import json
import os
import urllib.request
from datetime import datetime, timedelta

import botocore.auth
from account import BASE, KEYS, REGION, TEMPLATE, WORLD, Kube, assets, aws, client, control, refused, sleep, stack, token
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

eks, ec2, formation = client("eks"), client("ec2"), client("cloudformation")


def identity():
    assert client("sts").get_caller_identity()["Arn"].endswith(":user/rehearsal")
    wrong = {**KEYS, "aws_secret_access_key": "wrong"}
    refused("SignatureDoesNotMatch", client("sts", **wrong).get_caller_identity)
    refused("InvalidSignatureException", client("eks", **wrong).list_clusters)
    refused("AuthFailure", client("ec2", **wrong).describe_vpcs)
    strange = {**KEYS, "aws_access_key_id": "AKIASTRANGER"}
    refused("InvalidClientTokenId", client("sts", **strange).get_caller_identity)
    refused("UnrecognizedClientException", client("eks", **strange).list_clusters)


def offers():
    assert len(ec2.describe_regions()["Regions"]) == 17
    zones = ec2.describe_availability_zones(Filters=[{"Name": "state", "Values": ["available"]}])["AvailabilityZones"]
    assert [it["ZoneName"] for it in zones][:2] == ["us-east-1a", "us-east-1b"]
    offered = ec2.describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["g6.2xlarge"]}]
    )
    assert "us-east-1e" not in [it["Location"] for it in offered["InstanceTypeOfferings"]]
    pages = ec2.get_paginator("describe_instance_types").paginate(PaginationConfig={"PageSize": 10})
    assert len([it for page in pages for it in page["InstanceTypes"]]) > 30
    assert ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["CidrBlock"] == "172.31.0.0/16"
    refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=["vpc-0000"])
    refused("InvalidParameterValue", ec2.describe_vpcs, Filters=[{"Name": "colour", "Values": ["red"]}])
    refused("DryRunOperation", ec2.delete_volume, VolumeId="vol-1", DryRun=True)
    quota = client("service-quotas").get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")["Quota"]
    assert quota["Value"] == 64
    attributes = {it["AttributeName"]: it["AttributeValues"][0] for it in ec2.describe_account_attributes()["AccountAttributes"]}
    assert attributes["vpc-max-elastic-ips"]["AttributeValue"] == "5"
    versions = eks.describe_cluster_versions(defaultOnly=True)["clusterVersions"]
    assert [it["clusterVersion"] for it in versions] == ["1.35"]
    addons = eks.describe_addon_versions(kubernetesVersion="1.34", addonName="coredns")["addons"]
    assert addons[0]["addonVersions"][0]["compatibilities"][0]["defaultVersion"]


def network():
    wanted = {"StackName": "windlass-dot", "TemplateBody": TEMPLATE}
    refused("ValidationError", formation.create_stack, **wanted)
    parameters = [{"ParameterKey": "ClusterName", "ParameterValue": "dot"}]
    refused("InsufficientCapabilitiesException", formation.create_stack, **wanted, Parameters=parameters)
    strange = TEMPLATE.replace("AWS::EC2::InternetGateway}", "AWS::EC2::Moon}")
    message = refused("ValidationError", formation.create_stack, StackName="a", TemplateBody=strange, Parameters=parameters)
    assert "AWS::EC2::Moon" in message, message
    strange = TEMPLATE.replace("EnableDnsHostnames", "EnableDnsHostname")
    message = refused("ValidationError", formation.create_stack, StackName="a", TemplateBody=strange, Parameters=parameters)
    assert "unsupported property EnableDnsHostname" in message, message
    outputs = stack()
    refused("AlreadyExistsException", formation.create_stack, **wanted, Parameters=parameters, Capabilities=["CAPABILITY_IAM"])
    told = formation.describe_stacks(StackName="windlass-dot")["Stacks"][0]
    assert told["Tags"] == [{"Key": "windlass-cluster", "Value": "dot"}] and told["Parameters"][0]["ParameterKey"] == "ClusterName"
    events = [it for page in formation.get_paginator("describe_stack_events").paginate(StackName="windlass-dot") for it in page["StackEvents"]]
    took = events[0]["Timestamp"] - events[-1]["Timestamp"]
    assert timedelta(minutes=2) < took < timedelta(minutes=4), took
    assert {it["ResourceStatus"] for it in formation.list_stack_resources(StackName="windlass-dot")["StackResourceSummaries"]} == {"CREATE_COMPLETE"}
    assert formation.get_template(StackName="windlass-dot")["TemplateBody"] == TEMPLATE
    again = {"StackName": "windlass-dot", "UsePreviousTemplate": True, "Capabilities": ["CAPABILITY_IAM"]}
    kept = [{"ParameterKey": "ClusterName", "UsePreviousValue": True}]
    assert "No updates" in refused("ValidationError", formation.update_stack, **again, Parameters=kept)
    for nats, addresses in (("true", 2), ("false", 1)):
        formation.update_stack(**again, Parameters=[*kept, {"ParameterKey": "NatPerZone", "ParameterValue": nats}])
        formation.get_waiter("stack_update_complete").wait(StackName="windlass-dot")
        assert len(ec2.describe_addresses()["Addresses"]) == addresses
    tagged = ec2.describe_subnets(Filters=[{"Name": "tag:windlass-cluster", "Values": ["dot"]}])["Subnets"]
    assert len(tagged) == 4
    roles = client("iam")
    assert roles.get_role(RoleName=outputs["NodeRole"].rsplit("/", 1)[1])["Role"]["AssumeRolePolicyDocument"]["Statement"]
    return outputs


def cluster(outputs):
    subnets = outputs["Subnets"].split(",")
    wanted = {
        "name": "dot",
        "version": "1.34",
        "roleArn": outputs["ClusterRole"],
        "resourcesVpcConfig": {"subnetIds": subnets},
        "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"},
        "bootstrapSelfManagedAddons": False,
        "logging": {"clusterLogging": [{"types": ["api"], "enabled": True}]},
        "tags": {"windlass-cluster": "dot"},
        "clientRequestToken": "one",
    }
    refused("ResourceNotFoundException", eks.describe_cluster, name="dot")
    for change in (
        {"name": "-dot"},
        {"version": "1.20"},
        {"roleArn": outputs["NodeRole"]},
        {"resourcesVpcConfig": {"subnetIds": subnets[:1]}},
        {"resourcesVpcConfig": {"subnetIds": subnets, "endpointPublicAccess": False}},
    ):
        refused("InvalidParameterException", eks.create_cluster, **{**wanted, **change})
    made = eks.create_cluster(**wanted)["cluster"]
    assert made["status"] == "CREATING" and "endpoint" not in made
    assert eks.create_cluster(**wanted)["cluster"]["arn"] == made["arn"]
    refused("ResourceInUseException", eks.create_cluster, **{**wanted, "clientRequestToken": "two"})
    eks.get_waiter("cluster_active").wait(name="dot")
    for addon in ("vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent"):
        eks.create_addon(clusterName="dot", addonName=addon)
    refused("ResourceInUseException", eks.create_addon, clusterName="dot", addonName="coredns")
    group = {"clusterName": "dot", "nodegroupName": "small", "subnets": subnets[2:], "nodeRole": outputs["NodeRole"]}
    refused("InvalidParameterException", eks.create_nodegroup, **group, instanceTypes=["t4g.medium"], amiType="AL2023_x86_64_STANDARD")
    refused("InvalidParameterException", eks.create_nodegroup, **group, scalingConfig={"minSize": 3, "maxSize": 4, "desiredSize": 2})
    eks.create_nodegroup(**group, scalingConfig={"minSize": 1, "maxSize": 4, "desiredSize": 2}, labels={"size": "small"})
    eks.get_waiter("nodegroup_active").wait(clusterName="dot", nodegroupName="small")
    for addon in ("vpc-cni", "coredns"):
        eks.get_waiter("addon_active").wait(clusterName="dot", addonName=addon)
    huge = {**group, "nodegroupName": "huge", "instanceTypes": ["m5.4xlarge"]}
    eks.create_nodegroup(**huge, scalingConfig={"minSize": 1, "maxSize": 9, "desiredSize": 9})
    try:
        eks.get_waiter("nodegroup_active").wait(clusterName="dot", nodegroupName="huge")
        raise AssertionError("144 vCPUs are more than the quota")
    except Exception as error:  # a waiter's, of no public kind
        assert "CREATE_FAILED" in str(error), error
    issue = eks.describe_nodegroup(clusterName="dot", nodegroupName="huge")["nodegroup"]["health"]["issues"][0]
    assert issue["code"] == "AsgInstanceLaunchFailures" and "VcpuLimitExceeded" in issue["message"]
    eks.delete_nodegroup(clusterName="dot", nodegroupName="huge")
    eks.get_waiter("nodegroup_deleted").wait(clusterName="dot", nodegroupName="huge")


def presigned(cluster, age, behind=False):
    """Returns a token that was made some minutes ago, by the world's clock, or by the machine's where that is behind."""
    with urllib.request.urlopen(f"{WORLD}/clock/now") as answer:
        now = datetime.fromisoformat(json.load(answer)["now"].replace("Z", "+00:00"))
    if behind:
        now = min(now, datetime.now(now.tzinfo))
    request = AWSRequest(method="GET", url=f"{BASE}/?Action=GetCallerIdentity&Version=2011-06-15", headers={"x-k8s-aws-id": cluster})
    signer = SigV4QueryAuth(Credentials(KEYS["aws_access_key_id"], KEYS["aws_secret_access_key"]), "sts", REGION, expires=60)
    known = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *_, **__: now - timedelta(minutes=age)
    try:
        signer.add_auth(request)
    finally:
        botocore.auth.get_current_datetime = known
    return "k8s-aws-v1." + base64.urlsafe_b64encode(request.prepare().url.encode()).decode().rstrip("=")


def within(outputs):
    """Who comes in, and what controllers make outside."""
    kube = Kube("dot", token("dot"))
    nodes = kube("/api/v1/nodes")["items"]
    assert len(nodes) == 2 and all(it["metadata"]["labels"]["size"] == "small" for it in nodes)
    Kube("dot", token("another"))("/api/v1/nodes", expect=401)
    Kube("dot", token("dot")[:-6] + "AAAAAA")("/api/v1/nodes", expect=401)
    Kube("dot", presigned("dot", 14))("/api/v1/nodes", expect=200)
    # Neither by the world's clock nor by the machine's, which is behind it.
    Kube("dot", presigned("dot", 16, behind=True))("/api/v1/nodes", expect=401)
    session = client("sts").assume_role(RoleArn=outputs["GuestRole"], RoleSessionName="guest")["Credentials"]
    keys = {
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }
    guest = Kube("dot", token("dot", keys))
    guest("/api/v1/nodes", expect=401)
    entry = {"clusterName": "dot", "principalArn": outputs["GuestRole"]}
    eks.create_access_entry(**entry)
    guest("/api/v1/nodes", expect=403)
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    eks.associate_access_policy(**entry, policyArn=policy, accessScope={"type": "namespace", "namespaces": ["default"]})
    guest("/api/v1/nodes", expect=403)
    guest("/api/v1/namespaces/default/pods", expect=200)
    guest("/api/v1/namespaces/default/secrets", expect=403)
    eks.delete_access_entry(**entry)
    guest("/api/v1/namespaces/default/pods", expect=401)

    kube("/api/v1/namespaces/default/services", "POST", {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
    })
    there = lambda it: it and it["status"].get("loadBalancer", {}).get("ingress")
    host = kube.until("/api/v1/namespaces/default/services/web", there)["status"]["loadBalancer"]["ingress"][0]["hostname"]
    balancers = client("elb").describe_load_balancers()["LoadBalancerDescriptions"]
    assert [it["DNSName"] for it in balancers] == [host] and balancers[0]["VPCId"] == outputs["VpcId"]
    tags = client("elb").describe_tags(LoadBalancerNames=[balancers[0]["LoadBalancerName"]])["TagDescriptions"][0]["Tags"]
    assert {"Key": "kubernetes.io/cluster/dot", "Value": "owned"} in tags

    kube("/apis/storage.k8s.io/v1/storageclasses", "POST", {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "gp3"}, "provisioner": "ebs.csi.aws.com",
        "volumeBindingMode": "WaitForFirstConsumer",
    })
    kube("/api/v1/namespaces/default/persistentvolumeclaims", "POST", {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "resources": {"requests": {"storage": "8Gi"}}},
    })
    kube("/api/v1/namespaces/default/pods", "POST", {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db"},
        "spec": {
            "containers": [{"name": "db", "image": "db:1"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    })
    waits = lambda: [it["reason"] for it in kube("/api/v1/namespaces/default/events")["items"] if it["involvedObject"]["name"] == "data"]
    kube.until("/api/v1/namespaces/default/pods/db", lambda it: it and it["spec"].get("nodeName"))
    assert not ec2.describe_volumes()["Volumes"], waits()
    driver = {"clusterName": "dot", "addonName": "aws-ebs-csi-driver"}
    eks.create_addon(**driver, podIdentityAssociations=[{"serviceAccount": "ebs-csi-controller-sa", "roleArn": outputs["DiskRole"]}])
    eks.get_waiter("addon_active").wait(**driver)
    kube.until("/api/v1/namespaces/default/persistentvolumeclaims/data", lambda it: it and it["status"].get("phase") == "Bound")
    volume = ec2.describe_volumes(Filters=[{"Name": "tag:kubernetes.io/cluster/dot", "Values": ["owned"]}])["Volumes"][0]
    assert volume["Size"] == 8 and volume["State"] == "in-use", volume
    refused("VolumeInUse", ec2.delete_volume, VolumeId=volume["VolumeId"])


def changes():
    assert aws("eks", "list-clusters") == {"clusters": ["dot"]}
    assert len(aws("cloudformation", "describe-stacks")["Stacks"]) == 1
    path = os.path.join(os.environ["SCRATCH"], "kubeconfig")
    aws("eks", "update-kubeconfig", "--name", "dot", "--kubeconfig", path, text=True)
    with open(path, encoding="utf-8") as file:
        assert eks.describe_cluster(name="dot")["cluster"]["endpoint"] in file.read()
    message = refused("InvalidParameterException", eks.update_cluster_version, name="dot", version="1.36")
    assert "Unsupported Kubernetes minor version update from 1.34 to 1.36" in message, message
    update = eks.update_cluster_version(name="dot", version="1.35")["update"]
    refused("ResourceInUseException", eks.delete_cluster, name="dot")
    eks.get_waiter("cluster_active").wait(name="dot")
    assert eks.describe_update(name="dot", updateId=update["id"])["update"]["status"] == "Successful"
    kube = Kube("dot", token("dot"))
    assert kube("/version")["minor"].rstrip("+") == "35"
    group = {"clusterName": "dot", "nodegroupName": "small"}
    eks.update_nodegroup_version(**group)
    eks.get_waiter("nodegroup_active").wait(**group)
    eks.update_nodegroup_config(**group, scalingConfig={"desiredSize": 3})
    eks.get_waiter("nodegroup_active").wait(**group)
    kubelets = [it["status"]["nodeInfo"]["kubeletVersion"] for it in kube("/api/v1/nodes")["items"]]
    assert len(kubelets) == 3 and all(it.startswith("v1.35.") for it in kubelets), kubelets
    arn = eks.describe_cluster(name="dot")["cluster"]["arn"]
    eks.tag_resource(resourceArn=arn, tags={"colour": "blue"})
    eks.untag_resource(resourceArn=arn, tagKeys=["colour"])
    assert eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"windlass-cluster": "dot"}
    eks.update_cluster_config(name="dot", resourcesVpcConfig={"publicAccessCidrs": ["192.0.2.0/24"]})
    eks.get_waiter("cluster_active").wait(name="dot")
    assert eks.describe_cluster(name="dot")["cluster"]["resourcesVpcConfig"]["publicAccessCidrs"] == ["192.0.2.0/24"]


def tagged(key, value):
    """Asks the tagging API in JSON, as it can be asked beside CBOR."""
    text = json.dumps({"TagFilters": [{"Key": key, "Values": [value]}]})
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "ResourceGroupsTaggingAPI_20170126.GetResources"}
    request = AWSRequest(method="POST", url=BASE + "/", data=text, headers=headers)
    SigV4Auth(Credentials(KEYS["aws_access_key_id"], KEYS["aws_secret_access_key"]), "tagging", REGION).add_auth(request)
    prepared = request.prepare()
    asked = urllib.request.Request(prepared.url, data=text.encode(), headers=dict(prepared.headers))
    with urllib.request.urlopen(asked) as answer:
        return [it["ResourceARN"] for it in json.load(answer)["ResourceTagMappingList"]]


def farewell(outputs):
    assert any(":cluster/dot" in it for it in tagged("windlass-cluster", "dot"))
    refused("ResourceInUseException", eks.delete_cluster, name="dot")
    group = {"clusterName": "dot", "nodegroupName": "small"}
    eks.delete_nodegroup(**group)
    eks.get_waiter("nodegroup_deleted").wait(**group)
    kube = Kube("dot", token("dot"))
    assert kube("/api/v1/nodes")["items"] == []
    eks.delete_cluster(name="dot")
    eks.get_waiter("cluster_deleted").wait(name="dot")
    try:
        kube("/version")
        raise AssertionError("the API server still answers")
    except OSError:
        pass
    # What controllers made is left behind, and is in the way of the network.
    left = {it["kind"] for it in assets() if it["cluster"] == "dot"}
    assert left == {"elb:load-balancer", "ec2:security-group", "ec2:volume", "ec2:network-interface"}, left
    formation.delete_stack(StackName="windlass-dot")
    told = formation.describe_stacks(StackName="windlass-dot")["Stacks"][0]
    try:
        formation.get_waiter("stack_delete_complete").wait(StackName=told["StackId"])
        raise AssertionError("the network goes with a load balancer in it")
    except Exception as error:  # a waiter's, of no public kind
        assert "DELETE_FAILED" in str(error), error
    events = formation.describe_stack_events(StackName=told["StackId"])["StackEvents"]
    failed = {it["LogicalResourceId"]: it["ResourceStatusReason"] for it in events if it["ResourceStatus"] == "DELETE_FAILED"}
    assert "has dependencies and cannot be deleted" in failed["PublicA"], failed

    for balancer in client("elb").describe_load_balancers()["LoadBalancerDescriptions"]:
        client("elb").delete_load_balancer(LoadBalancerName=balancer["LoadBalancerName"])
    inside = [{"Name": "vpc-id", "Values": [outputs["VpcId"]]}]
    free = lambda: [it for it in ec2.describe_network_interfaces(Filters=inside)["NetworkInterfaces"] if it["Status"] == "available"]
    for interface in free():
        ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    ec2.get_waiter("volume_available").wait(WaiterConfig={"Delay": 5})
    for volume in ec2.describe_volumes()["Volumes"]:
        ec2.delete_volume(VolumeId=volume["VolumeId"])
    lingers = lambda: any(it["Description"].startswith("ELB ") for it in ec2.describe_network_interfaces(Filters=inside)["NetworkInterfaces"])
    while lingers():
        sleep(5)
    # The cluster's own group was kept by the interfaces, and lets the balancer's in.
    groups = ec2.describe_security_groups(Filters=[*inside, {"Name": "tag:kubernetes.io/cluster/dot", "Values": ["owned"]}])["SecurityGroups"]
    assert {it["GroupName"].split("-")[0] for it in groups} == {"k8s", "eks"}, groups
    balanced = next(it for it in groups if it["GroupName"].startswith("k8s-elb-"))
    refused("DependencyViolation", ec2.delete_security_group, GroupId=balanced["GroupId"])
    for group in groups:
        rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group["GroupId"]]}])["SecurityGroupRules"]
        rules = [it["SecurityGroupRuleId"] for it in rules if not it["IsEgress"]]
        ec2.revoke_security_group_ingress(GroupId=group["GroupId"], SecurityGroupRuleIds=rules)
    for group in groups:
        ec2.delete_security_group(GroupId=group["GroupId"])
    formation.delete_stack(StackName="windlass-dot")
    formation.get_waiter("stack_delete_complete").wait(StackName=told["StackId"])
    client("logs").delete_log_group(logGroupName="/aws/eks/dot/cluster")
    assert assets() == [], assets()
    assert formation.describe_stacks(StackName=told["StackId"])["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    lives = control("history")
    assert {"cloudformation:stack", "eks:cluster", "eks:nodegroup", "elb:load-balancer", "ec2:volume"} < {it["what"] for it in lives}
    assert all(it["died"] for it in lives), [it for it in lives if not it["died"]]


identity()
offers()
made = network()
cluster(made)
within(made)
changes()
farewell(made)
print("a cluster has come and gone")
