"""What goes wrong, and what is seldom: with boto3 and the stock aws program."""

import os

from account import TEMPLATE, Kube, assets, aws, client, control, refused, sleep, stack, token

eks, ec2, formation, iam = client("eks"), client("ec2"), client("cloudformation"), client("iam")


def stacks():
    told = stack("net", "corner")
    parameters = [{"ParameterKey": "ClusterName", "UsePreviousValue": True}]
    again = {"StackName": "net", "Capabilities": ["CAPABILITY_IAM"], "Parameters": parameters}
    # An update that cannot be goes back to what was.
    broken = TEMPLATE.replace("10.0.144.0/20", "10.0.128.0/20")
    formation.update_stack(**again, TemplateBody=broken)
    try:
        formation.get_waiter("stack_update_complete").wait(StackName="net")
        raise AssertionError("two subnets have one block")
    except Exception as error:  # a waiter's, of no public kind
        assert "UPDATE_ROLLBACK_COMPLETE" in str(error), error
    blocks = {it["CidrBlock"] for it in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [told["VpcId"]]}])["Subnets"]}
    assert "10.0.144.0/20" in blocks, blocks
    # A property that cannot change makes another in its place, and takes the first away.
    moved = TEMPLATE.replace("GroupDescription: control plane", "GroupDescription: planes")
    formation.update_stack(**again, TemplateBody=moved)
    formation.get_waiter("stack_update_complete").wait(StackName="net")
    outputs = {it["OutputKey"]: it["OutputValue"] for it in formation.describe_stacks(StackName="net")["Stacks"][0]["Outputs"]}
    assert outputs["ControlPlaneGroup"] != told["ControlPlaneGroup"]
    refused("InvalidGroup.NotFound", ec2.describe_security_groups, GroupIds=[told["ControlPlaneGroup"]])
    # What is in use stays until it is retained, or free.
    foreign = ec2.create_security_group(GroupName="foreign", Description="not ours", VpcId=told["VpcId"])["GroupId"]
    refused("ValidationError", formation.delete_stack, StackName="net", RetainResources=["Vpc"])
    formation.delete_stack(StackName="net")
    stopped = formation.describe_stacks(StackName="net")["Stacks"][0]["StackId"]
    try:
        formation.get_waiter("stack_delete_complete").wait(StackName=stopped)
        raise AssertionError("a group is in the network")
    except Exception as error:  # a waiter's, of no public kind
        assert "DELETE_FAILED" in str(error), error
    left = formation.list_stack_resources(StackName="net")["StackResourceSummaries"]
    assert [it["LogicalResourceId"] for it in left if it["ResourceStatus"] == "DELETE_FAILED"] == ["Vpc"], left
    formation.delete_stack(StackName="net", RetainResources=["Vpc"])
    formation.get_waiter("stack_delete_complete").wait(StackName=stopped)
    assert {it["kind"] for it in assets()} == {"ec2:vpc", "ec2:route-table", "ec2:security-group"}
    ec2.delete_security_group(GroupId=foreign)
    # What cannot be made goes back.
    formation.create_stack(
        StackName="broken", TemplateBody=broken, Capabilities=["CAPABILITY_IAM"], OnFailure="DELETE",
        Parameters=[{"ParameterKey": "ClusterName", "ParameterValue": "x"}],
    )
    made = formation.describe_stacks(StackName="broken")["Stacks"][0]["StackId"]
    formation.get_waiter("stack_delete_complete").wait(StackName=made)
    events = formation.describe_stack_events(StackName=made)["StackEvents"]
    assert any("conflicts with another subnet" in it.get("ResourceStatusReason", "") for it in events)
    refused("ValidationError", formation.describe_stacks, StackName="broken")


def program():
    """The stock aws program, with change sets and in CBOR."""
    path = os.path.join(os.environ["SCRATCH"], "vpc.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(TEMPLATE)
    deploy = [
        "cloudformation", "deploy", "--stack-name", "deployed", "--template-file", path, "--no-execute-changeset",
        "--capabilities", "CAPABILITY_IAM", "--parameter-overrides", "ClusterName=deployed", "--tags", "windlass-cluster=deployed",
    ]
    refused("ValidationError", formation.describe_stacks, StackName="deployed")
    aws(*deploy, text=True)
    assert formation.describe_stacks(StackName="deployed")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    changes = formation.create_change_set(
        StackName="deployed", ChangeSetName="again", ChangeSetType="CREATE", TemplateBody=TEMPLATE, Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": "ClusterName", "ParameterValue": "deployed"}], Tags=[{"Key": "windlass-cluster", "Value": "deployed"}],
    )
    formation.get_waiter("change_set_create_complete").wait(ChangeSetName=changes["Id"])
    told = formation.describe_change_set(ChangeSetName=changes["Id"])
    assert {it["ResourceChange"]["Action"] for it in told["Changes"]} == {"Add"} and len(told["Changes"]) == 22, told
    formation.execute_change_set(ChangeSetName=changes["Id"])
    formation.get_waiter("stack_create_complete").wait(StackName="deployed")
    changes = formation.create_change_set(
        StackName="deployed", ChangeSetName="none", UsePreviousTemplate=True, Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": "ClusterName", "UsePreviousValue": True}],
    )
    told = formation.describe_change_set(ChangeSetName=changes["Id"])
    assert told["Status"] == "FAILED" and "didn't contain changes" in told["StatusReason"], told
    found = aws("resourcegroupstaggingapi", "get-resources", "--tag-filters", "Key=windlass-cluster,Values=deployed")
    kinds = {it["ResourceARN"].split(":")[2] for it in found["ResourceTagMappingList"]}
    assert kinds == {"ec2", "cloudformation"}, kinds
    pages = client("resourcegroupstaggingapi").get_paginator("get_resources")
    pages = list(pages.paginate(TagFilters=[{"Key": "windlass-cluster", "Values": ["deployed"]}], ResourcesPerPage=5))
    counts = [len(it["ResourceTagMappingList"]) for it in pages]
    assert len(counts) > 1 and sum(counts) == len(found["ResourceTagMappingList"]), (counts, found)
    return {it["OutputKey"]: it["OutputValue"] for it in formation.describe_stacks(StackName="deployed")["Stacks"][0]["Outputs"]}


def identities():
    told = iam.create_open_id_connect_provider(Url="https://oidc.eks.us-east-1.amazonaws.com/id/ABC", ClientIDList=["sts.amazonaws.com"])
    arn = told["OpenIDConnectProviderArn"]
    refused("EntityAlreadyExists", iam.create_open_id_connect_provider, Url="https://oidc.eks.us-east-1.amazonaws.com/id/ABC")
    assert [it["Arn"] for it in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]] == [arn]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    refused("NoSuchEntity", iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)
    me = client("sts").get_caller_identity()["Arn"]
    actions = ["eks:CreateCluster", "ec2:DescribeVpcs"]
    ask = lambda: {
        it["EvalActionName"]: it["EvalDecision"]
        for it in iam.simulate_principal_policy(PolicySourceArn=me, ActionNames=actions)["EvaluationResults"]
    }
    assert set(ask().values()) == {"allowed"}
    control("faults", '[[cloud]]\nservice = "eks"\naction = "Create*"\nstatus = 403\n')
    assert ask() == {"eks:CreateCluster": "implicitDeny", "ec2:DescribeVpcs": "allowed"}
    message = refused("AccessDeniedException", eks.create_cluster, name="dot", roleArn="r" * 20, resourcesVpcConfig={})
    assert "is not authorized to perform: eks:CreateCluster" in message, message
    control("faults", '[[cloud]]\nservice = "ec2"\nstatus = 429\ncount = 1\n')
    refused("RequestLimitExceeded", ec2.describe_vpcs)
    control("faults", "")


def clusters(outputs):
    subnets = outputs["Subnets"].split(",")
    wanted = {"roleArn": outputs["ClusterRole"], "resourcesVpcConfig": {"subnetIds": subnets}, "accessConfig": {"authenticationMode": "API"}}
    control("faults", '[[cloud]]\nservice = "eks"\naction = "CreateCluster"\nname = "ill"\nfails = "no room"\n')
    eks.create_cluster(name="ill", **wanted)
    try:
        eks.get_waiter("cluster_active").wait(name="ill")
        raise AssertionError("the cluster fails")
    except Exception as error:  # a waiter's, of no public kind
        assert "FAILED" in str(error), error
    assert eks.describe_cluster(name="ill")["cluster"]["health"]["issues"][0]["message"] == "no room"
    eks.delete_cluster(name="ill")
    eks.get_waiter("cluster_deleted").wait(name="ill")

    eks.create_cluster(name="bare", bootstrapSelfManagedAddons=False, deletionProtection=True, **wanted)
    eks.get_waiter("cluster_active").wait(name="bare")
    refused("InvalidRequestException", eks.delete_cluster, name="bare")
    eks.update_cluster_config(name="bare", deletionProtection=False)
    eks.get_waiter("cluster_active").wait(name="bare")
    # Nothing makes nodes ready here.
    group = {"clusterName": "bare", "nodegroupName": "nodes"}
    eks.create_nodegroup(**group, subnets=subnets[2:], nodeRole=outputs["NodeRole"])
    try:
        eks.get_waiter("nodegroup_active").wait(**group)
        raise AssertionError("no network plug-in is there")
    except Exception as error:  # a waiter's, of no public kind
        assert "CREATE_FAILED" in str(error), error
    issue = eks.describe_nodegroup(**group)["nodegroup"]["health"]["issues"][0]
    assert issue["code"] == "NodeCreationFailure" and len(issue["resourceIds"]) == 2, issue
    eks.delete_nodegroup(**group)
    eks.get_waiter("nodegroup_deleted").wait(**group)
    # CoreDNS wants nodes, and comes to itself with them.
    for addon in ("vpc-cni", "coredns"):
        eks.create_addon(clusterName="bare", addonName=addon)
    eks.get_waiter("addon_active").wait(clusterName="bare", addonName="vpc-cni")
    while (state := eks.describe_addon(clusterName="bare", addonName="coredns")["addon"])["status"] == "CREATING":
        sleep(5)
    assert state["status"] == "DEGRADED" and state["health"]["issues"][0]["code"] == "InsufficientNumberOfReplicas", state
    eks.create_nodegroup(**group, subnets=subnets[2:], nodeRole=outputs["NodeRole"], labels={"a": "b"}, taints=[{"key": "t", "value": "v", "effect": "NO_SCHEDULE"}])
    eks.get_waiter("nodegroup_active").wait(**group)
    eks.update_nodegroup_config(**group, taints={"removeTaints": [{"key": "t", "value": "v", "effect": "NO_SCHEDULE"}]})
    eks.get_waiter("nodegroup_active").wait(**group)
    while eks.describe_addon(clusterName="bare", addonName="coredns")["addon"]["status"] == "DEGRADED":
        sleep(5)
    # A network balancer, by the annotation of old.
    kube = Kube("bare", token("bare"))
    kube("/api/v1/namespaces/default/services", "POST", {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "annotations": {"service.beta.kubernetes.io/aws-load-balancer-type": "nlb"}},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
    })
    kube.until("/api/v1/namespaces/default/services/web", lambda it: it and it["status"].get("loadBalancer", {}).get("ingress"))
    balancers = client("elbv2")
    arn = balancers.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    targets = balancers.describe_target_groups(LoadBalancerArn=arn)["TargetGroups"]
    assert len(targets) == 1 and balancers.describe_listeners(LoadBalancerArn=arn)["Listeners"][0]["Port"] == 80
    refused("ResourceInUse", balancers.delete_target_group, TargetGroupArn=targets[0]["TargetGroupArn"])
    assert balancers.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    kube("/api/v1/namespaces/default/services/web", "DELETE")
    kube.until("/api/v1/namespaces/default/services/web", lambda it: it is None)
    assert balancers.describe_load_balancers()["LoadBalancers"] == [] and balancers.describe_target_groups()["TargetGroups"] == []
    # A deletion that a fault holds goes on when the faults end.
    control("faults", '[[cloud]]\nservice = "eks"\naction = "DeleteNodegroup"\nstuck = true\n')
    eks.delete_nodegroup(**group)
    try:
        eks.get_waiter("nodegroup_deleted").wait(**group, WaiterConfig={"MaxAttempts": 20})
        raise AssertionError("the node group goes")
    except Exception as error:  # a waiter's, of no public kind
        assert "Max attempts exceeded" in str(error), error
    control("faults", "")
    eks.get_waiter("nodegroup_deleted").wait(**group)
    eks.delete_cluster(name="bare")
    eks.get_waiter("cluster_deleted").wait(name="bare")


stacks()
made = program()
identities()
clusters(made)
print("all corners were seen")
