"""Backups, replicas, secrets, budgets, and who may do what."""

import account
from engine import Resource, but, call

ACCOUNT = "123456789012"


class Vault(Resource):
    type, service, name_property = "AWS::Backup::BackupVault", "backup", "BackupVaultName"

    def create(self, api, name, p):
        extra = {"EncryptionKeyArn": p["EncryptionKeyArn"]} if "EncryptionKeyArn" in p else {}
        made = call(api, "create_backup_vault", BackupVaultName=name, BackupVaultTags=p.get("BackupVaultTags", {}), **extra)
        if "LockConfiguration" in p:
            call(api, "put_backup_vault_lock_configuration", BackupVaultName=name, **p["LockConfiguration"])
        return name, {"BackupVaultArn": made["BackupVaultArn"], "BackupVaultName": name}


class Plan(Resource):
    type, service = "AWS::Backup::BackupPlan", "backup"

    def create(self, api, name, p):
        made = call(api, "create_backup_plan", BackupPlan=self.plan(p), BackupPlanTags=p.get("BackupPlanTags", {}))
        return made["BackupPlanId"], {k: made[k] for k in ("BackupPlanId", "BackupPlanArn", "VersionId")}

    @staticmethod
    def plan(p):
        """Properties that the API calls otherwise."""
        plan = but(p["BackupPlan"], "BackupPlanRule", "AdvancedBackupSettings")
        rules = [
            {**but(r, "TargetBackupVault"), "TargetBackupVaultName": r["TargetBackupVault"]}
            for r in p["BackupPlan"]["BackupPlanRule"]
        ]
        return {**plan, "Rules": rules}

    def delete(self, api, found):
        api.delete_backup_plan(BackupPlanId=found.physical_resource_id)


class ReplicaKey(Resource):
    type, service = "AWS::KMS::ReplicaKey", "kms"

    def create(self, api, name, p):
        primary = p["PrimaryKeyArn"]
        there = account.client("kms", primary.split(":")[3], api.meta.endpoint_url)
        replica = there.replicate_key(KeyId=primary.rpartition("/")[2], ReplicaRegion=api.meta.region_name)["ReplicaKeyMetadata"]
        call(api, "put_key_policy", KeyId=replica["KeyId"], PolicyName="default", Policy=p["KeyPolicy"])
        return replica["KeyId"], {"Arn": replica["Arn"], "KeyId": replica["KeyId"]}

    def update(self, api, found, p):
        call(api, "put_key_policy", KeyId=found.physical_resource_id, PolicyName="default", Policy=p["KeyPolicy"])


class Secret(Resource):
    type, service, name_property = "AWS::SecretsManager::Secret", "secretsmanager", "Name"

    def create(self, api, name, p):
        extra = but(p, "Name", "GenerateSecretString", "ReplicaRegions")
        if "GenerateSecretString" in p:
            extra["SecretString"] = call(api, "get_random_password", **p["GenerateSecretString"])["RandomPassword"]
        if "ReplicaRegions" in p:
            extra["AddReplicaRegions"] = p["ReplicaRegions"]
        arn = call(api, "create_secret", Name=name, **extra)["ARN"]
        return arn, {"Id": arn}

    def delete(self, api, found):
        api.delete_secret(SecretId=found.physical_resource_id)


class ManagedPolicy(Resource):
    type, service, name_property = "AWS::IAM::ManagedPolicy", "iam", "ManagedPolicyName"

    def create(self, api, name, p):
        extra = but(p, "ManagedPolicyName", "Roles", "Users", "Groups")
        arn = call(api, "create_policy", PolicyName=name, **extra)["Policy"]["Arn"]
        for role in p.get("Roles", []):
            api.attach_role_policy(RoleName=role, PolicyArn=arn)
        return arn, {"PolicyArn": arn}

    def update(self, api, found, p):
        call(api, "create_policy_version", PolicyArn=found.physical_resource_id, PolicyDocument=p["PolicyDocument"], SetAsDefault=True)


class MetricFilter(Resource):
    type, service, name_property = "AWS::Logs::MetricFilter", "logs", "FilterName"

    def create(self, api, name, p):
        call(api, "put_metric_filter", FilterName=name, **but(p, "FilterName"))
        return name, {}

    def update(self, api, found, p):
        self.create(api, found.physical_resource_id, p)

    def delete(self, api, found):
        api.delete_metric_filter(logGroupName=found.properties["LogGroupName"], filterName=found.physical_resource_id)


class Budget(Resource):
    type, service = "AWS::Budgets::Budget", "budgets"

    def create(self, api, name, p):
        budget = {"BudgetName": name, **p["Budget"]}
        call(api, "create_budget", AccountId=ACCOUNT, Budget=budget, **but(p, "Budget", "ResourceTags"))
        return budget["BudgetName"], {}


RESOURCES = [Vault(), Plan(), ReplicaKey(), Secret(), ManagedPolicy(), MetricFilter(), Budget()]
