"""Functions, what invokes them, their roles, and their deployments."""

from account import pairs
from engine import Resource, but, call


class Role(Resource):
    type, service, name_property = "AWS::IAM::Role", "iam", "RoleName"

    def create(self, api, name, p):
        extra = but(p, "Policies", "ManagedPolicyArns", "RoleName")
        role = call(api, "create_role", RoleName=name, **extra)["Role"]
        self.put_policies(api, name, p)
        return name, {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    def update(self, api, found, p):
        name = found.physical_resource_id
        call(api, "update_assume_role_policy", RoleName=name, PolicyDocument=p["AssumeRolePolicyDocument"])
        for old in {o["PolicyName"] for o in found.properties.get("Policies", [])} - {n["PolicyName"] for n in p.get("Policies", [])}:
            api.delete_role_policy(RoleName=name, PolicyName=old)
        for old in set(found.properties.get("ManagedPolicyArns", [])) - set(p.get("ManagedPolicyArns", [])):
            api.detach_role_policy(RoleName=name, PolicyArn=old)
        self.put_policies(api, name, p)
        api.untag_role(RoleName=name, TagKeys=list(pairs(found.properties.get("Tags"))))
        api.tag_role(RoleName=name, Tags=p.get("Tags", []))

    @staticmethod
    def put_policies(api, name, p):
        for policy in p.get("Policies", []):
            call(api, "put_role_policy", RoleName=name, **policy)
        for arn in p.get("ManagedPolicyArns", []):
            api.attach_role_policy(RoleName=name, PolicyArn=arn)

    def delete(self, api, found):
        name, p = found.physical_resource_id, found.properties
        for policy in p.get("Policies", []):
            api.delete_role_policy(RoleName=name, PolicyName=policy["PolicyName"])
        for arn in p.get("ManagedPolicyArns", []):
            api.detach_role_policy(RoleName=name, PolicyArn=arn)
        api.delete_role(RoleName=name)


class Function(Resource):
    type, service, name_property = "AWS::Lambda::Function", "lambda", "FunctionName"
    concurrency = "ReservedConcurrentExecutions"

    def create(self, api, name, p):
        extra = but(p, "Tags", "FunctionName", self.concurrency)
        made = call(api, "create_function", FunctionName=name, Tags=pairs(p.get("Tags")), **extra)
        self.reserve(api, name, p)
        return name, {"Arn": made["FunctionArn"]}

    def update(self, api, found, p):
        name = found.physical_resource_id
        if p["Code"] != found.properties["Code"]:
            call(api, "update_function_code", FunctionName=name, Architectures=p["Architectures"], **p["Code"])
        extra = but(p, "Tags", "FunctionName", "Code", "Architectures", self.concurrency)
        call(api, "update_function_configuration", FunctionName=name, **extra)
        call(api, "tag_resource", Resource=found.attributes["Arn"], Tags=pairs(p.get("Tags")))
        self.reserve(api, name, p)

    def reserve(self, api, name, p):
        if self.concurrency in p:
            call(api, "put_function_concurrency", FunctionName=name, **{self.concurrency: p[self.concurrency]})

    def delete(self, api, found):
        api.delete_function(FunctionName=found.physical_resource_id)


class Version(Resource):
    type, service = "AWS::Lambda::Version", "lambda"

    def create(self, api, name, p):
        made = call(api, "publish_version", **p)
        return made["FunctionArn"], {"Version": made["Version"], "FunctionArn": made["FunctionArn"]}

    def delete(self, api, found):
        version = found.attributes["Version"]
        api.delete_function(FunctionName=found.physical_resource_id.removesuffix(":" + version), Qualifier=version)


class Alias(Resource):
    type, service = "AWS::Lambda::Alias", "lambda"

    def create(self, api, name, p):
        made = call(api, "create_alias", **self.routed(p))
        return made["AliasArn"], {"AliasArn": made["AliasArn"]}

    def update(self, api, found, p):
        call(api, "update_alias", **self.routed(p))

    @staticmethod
    def routed(p):
        weights = p.get("RoutingConfig", {}).get("AdditionalVersionWeights")
        if weights:
            weights = {w["FunctionVersion"]: w["FunctionWeight"] for w in weights}
            p = {**p, "RoutingConfig": {"AdditionalVersionWeights": weights}}
        return p

    def delete(self, api, found):
        api.delete_alias(FunctionName=found.properties["FunctionName"], Name=found.properties["Name"])


class Permission(Resource):
    """What others may do with a function, or with an alias of it."""

    type, service = "AWS::Lambda::Permission", "lambda"

    def create(self, api, name, p):
        call(api, "add_permission", StatementId=name, **p)
        return name, {"Id": name}

    def delete(self, api, found):
        api.remove_permission(FunctionName=found.properties["FunctionName"], StatementId=found.physical_resource_id)


class EventInvokeConfig(Resource):
    type, service = "AWS::Lambda::EventInvokeConfig", "lambda"

    def create(self, api, name, p):
        call(api, "put_function_event_invoke_config", **p)
        return f"{p['FunctionName']}|{p['Qualifier']}", {}

    def update(self, api, found, p):
        call(api, "put_function_event_invoke_config", **p)

    def delete(self, api, found):
        api.delete_function_event_invoke_config(FunctionName=found.properties["FunctionName"])


class Rule(Resource):
    type, service, name_property = "AWS::Events::Rule", "events", "Name"

    def create(self, api, name, p):
        arn = call(api, "put_rule", Name=name, **but(p, "Name", "Targets"))["RuleArn"]
        if p.get("Targets"):
            call(api, "put_targets", Rule=name, Targets=p["Targets"])
        return name, {"Arn": arn}

    def update(self, api, found, p):
        self.create(api, found.physical_resource_id, p)

    def delete(self, api, found):
        name = found.physical_resource_id
        api.remove_targets(Rule=name, Ids=[t["Id"] for t in found.properties.get("Targets", [])])
        api.delete_rule(Name=name)


class Application(Resource):
    type, service, name_property = "AWS::CodeDeploy::Application", "codedeploy", "ApplicationName"

    def create(self, api, name, p):
        call(api, "create_application", ApplicationName=name, **but(p, "ApplicationName"))
        return name, {}


class DeploymentGroup(Resource):
    type, service, name_property = "AWS::CodeDeploy::DeploymentGroup", "codedeploy", "DeploymentGroupName"

    def create(self, api, name, p):
        call(api, "create_deployment_group", DeploymentGroupName=name, **but(p, "DeploymentGroupName"))
        return name, {}

    def update(self, api, found, p):
        """moto has no update: made again under the same name."""
        self.create(api, found.physical_resource_id, p)


RESOURCES = [
    Role(), Function(), Version(), Alias(), Permission(), EventInvokeConfig(), Rule(), Application(), DeploymentGroup(),
]  # fmt: skip
