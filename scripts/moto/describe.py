"""Prints, as JSON, what a stack consists of: by logical id the type, the physical
id, and what the service itself says about the resource.

    describe.py ENDPOINT STACK REGION
"""

import json
import sys

from account import client, pairs
from notmade import NOT_MADE


def table(api, name):
    found = api.describe_table(TableName=name)["Table"]
    backups = api.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    return {
        **found,
        "PITR": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "TTL": api.describe_time_to_live(TableName=name)["TimeToLiveDescription"],
    }


def key(api, key_id):
    found = api.describe_key(KeyId=key_id)["KeyMetadata"]
    if found["KeySpec"] == "SYMMETRIC_DEFAULT":
        found["Rotation"] = api.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"]
    policy = json.loads(api.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])
    return {**found, "Policy": statements(policy)}


def statements(policy):
    """The statements of a policy by their Sid."""
    return {s.get("Sid", str(i)): s for i, s in enumerate(policy["Statement"])}


def role(api, name):
    inline = {}
    for policy in api.list_role_policies(RoleName=name)["PolicyNames"]:
        inline |= statements(api.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])
    managed = api.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    found = api.get_role(RoleName=name)["Role"]
    return {
        **found,
        "Tags": pairs(api.list_role_tags(RoleName=name)["Tags"]),
        "Statements": inline,
        "Managed": sorted(p["PolicyName"] for p in managed),
    }


def function(api, name):
    found = api.get_function(FunctionName=name)
    configuration = found["Configuration"]
    configuration["EnvironmentNames"] = sorted(configuration.get("Environment", {}).get("Variables", {}))
    return {**configuration, "Tags": found.get("Tags", {}), "Policy": policy_of(api, name)}


def policy_of(api, name, **qualifier):
    try:
        return statements(json.loads(api.get_policy(FunctionName=name, **qualifier)["Policy"]))
    except api.exceptions.ResourceNotFoundException:
        return {}


def alias(api, arn):
    _, _, _, _, _, _, name, alias_name = arn.split(":")
    found = api.get_alias(FunctionName=name, Name=alias_name)
    version = api.get_function_configuration(FunctionName=name, Qualifier=found["FunctionVersion"])
    return {
        **found,
        "Version": {"State": version["State"], "CodeSha256": version["CodeSha256"]},
        "Policy": policy_of(api, name, Qualifier=alias_name),
    }


def version(api, arn):
    name, _, number = arn.rpartition(":")
    return api.get_function_configuration(FunctionName=name, Qualifier=number)


def http_api(api, api_id):
    integrations = {i["IntegrationId"]: i for i in api.get_integrations(ApiId=api_id)["Items"]}
    routes = {}
    for r in api.get_routes(ApiId=api_id)["Items"]:
        target = integrations[r["Target"].removeprefix("integrations/")]
        routes[r["RouteKey"]] = {"Auth": r["AuthorizationType"], "Integration": target}
    stages = {s["StageName"]: s for s in api.get_stages(ApiId=api_id)["Items"]}
    return {**api.get_api(ApiId=api_id), "Routes": routes, "Stages": stages}


def rule(api, name):
    targets = api.list_targets_by_rule(Rule=name)["Targets"]
    return {**api.describe_rule(Name=name), "Targets": [t["Arn"] for t in targets]}


def deployment_group(api, name):
    for application in api.list_applications()["applications"]:
        if name in api.list_deployment_groups(applicationName=application)["deploymentGroups"]:
            return api.get_deployment_group(applicationName=application, deploymentGroupName=name)["deploymentGroupInfo"]
    return {}


def topic(api, arn):
    return api.get_topic_attributes(TopicArn=arn)["Attributes"]


def web_acl(api, name_id_scope):
    name, identifier, scope = name_id_scope.split("|")
    return api.get_web_acl(Name=name, Id=identifier, Scope=scope)["WebACL"]


def secret(api, arn):
    return {**api.describe_secret(SecretId=arn), "Value": api.get_secret_value(SecretId=arn)["SecretString"]}


DESCRIBE = {
    "AWS::DynamoDB::Table": ("dynamodb", table),
    "AWS::DynamoDB::GlobalTable": ("dynamodb", table),
    "AWS::KMS::Key": ("kms", key),
    "AWS::IAM::Role": ("iam", role),
    "AWS::Lambda::Function": ("lambda", function),
    "AWS::Lambda::Version": ("lambda", version),
    "AWS::Lambda::Alias": ("lambda", alias),
    "AWS::Logs::LogGroup": ("logs", lambda api, n: api.describe_log_groups(logGroupNamePrefix=n)["logGroups"][0]),
    "AWS::ApiGatewayV2::Api": ("apigatewayv2", http_api),
    "AWS::Events::Rule": ("events", rule),
    "AWS::CloudWatch::Alarm": ("cloudwatch", lambda api, n: api.describe_alarms(AlarmNames=[n])["MetricAlarms"][0]),
    "AWS::CloudWatch::Dashboard": (
        "cloudwatch",
        lambda api, n: {"Body": json.loads(api.get_dashboard(DashboardName=n)["DashboardBody"])},
    ),
    "AWS::CodeDeploy::DeploymentGroup": ("codedeploy", deployment_group),
    "AWS::SNS::Topic": ("sns", topic),
    "AWS::SecretsManager::Secret": ("secretsmanager", secret),
    "AWS::CloudFront::Distribution": (
        "cloudfront",
        lambda api, n: api.get_distribution_config(Id=n)["DistributionConfig"],
    ),
    "AWS::WAFv2::WebACL": ("wafv2", web_acl),
}


def main(endpoint, stack, region):
    found = {}
    for page in client("cloudformation", region, endpoint).get_paginator("list_stack_resources").paginate(StackName=stack):
        for r in page["StackResourceSummaries"]:
            if not r["LogicalResourceId"]:  # its condition is false
                continue
            kind, physical = r["ResourceType"], r["PhysicalResourceId"]
            service, describe = DESCRIBE.get(kind, (None, None))
            says = describe(client(service, region, endpoint), physical) if describe else {}
            found[r["LogicalResourceId"]] = {"Type": kind, "ID": physical, "Says": says, "NotMade": NOT_MADE.get(kind, "")}
    json.dump(found, sys.stdout, default=lambda v: v.decode() if isinstance(v, bytes) else str(v))


if __name__ == "__main__":
    main(*sys.argv[1:])
