"""Tables and keys."""

import account
from engine import Resource, but, call

PITR = "PointInTimeRecoverySpecification"
TTL = "TimeToLiveSpecification"


def create_table(api, name, p):
    """A table with the settings that have calls of their own."""
    settings = but(p, PITR, TTL, "SSESpecification", "StreamSpecification", "TableName")
    if "SSESpecification" in p:
        settings["SSESpecification"] = sse(p["SSESpecification"])
    if "StreamSpecification" in p:
        settings["StreamSpecification"] = {"StreamEnabled": True, **p["StreamSpecification"]}
    made = call(api, "create_table", TableName=name, **settings)["TableDescription"]
    settle(api, name, p)
    return name, {"Arn": made["TableArn"], "StreamArn": made.get("LatestStreamArn"), "TableId": made.get("TableId")}


def settle(api, name, p):
    if PITR in p:
        recovery = {"PointInTimeRecoveryEnabled": False, **p[PITR]}
        call(api, "update_continuous_backups", TableName=name, PointInTimeRecoverySpecification=recovery)
    if TTL in p:
        call(api, "update_time_to_live", TableName=name, TimeToLiveSpecification=p[TTL])


def sse(p):
    return {("Enabled" if k == "SSEEnabled" else k): v for k, v in p.items()}


class Table(Resource):
    type, service, name_property = "AWS::DynamoDB::Table", "dynamodb", "TableName"

    def create(self, api, name, p):
        return create_table(api, name, p)

    def update(self, api, found, p):
        name = found.physical_resource_id
        if "DeletionProtectionEnabled" in p:
            call(api, "update_table", TableName=name, DeletionProtectionEnabled=p["DeletionProtectionEnabled"])
        changed = {k: p[k] for k in (PITR, TTL) if p.get(k) != found.properties.get(k)}
        settle(api, name, changed)

    def delete(self, api, found):
        api.delete_table(TableName=found.physical_resource_id)


class GlobalTable(Table):
    """Replicas: in each region a table with this name and these settings. moto
    copies no items."""

    type = "AWS::DynamoDB::GlobalTable"

    def create(self, api, name, p):
        made = self.replicate(api, name, api.meta.region_name, p)
        for region in self.regions(p) - {api.meta.region_name}:
            self.replicate(api, name, region, p)
        return made

    def update(self, api, found, p):
        if "StreamSpecification" not in found.properties and self.regions(p) > self.regions(found.properties):
            raise ValueError("a replica needs a stream, which cannot be switched on together with it")
        for region in self.regions(p) - self.regions(found.properties):
            self.replicate(api, found.physical_resource_id, region, p)
        found.properties = self.within(api.meta.region_name, found.properties)
        super().update(api, found, self.within(api.meta.region_name, p))

    def replicate(self, api, name, region, p):
        if len(p["Replicas"]) > 1 and "StreamSpecification" not in p:
            raise ValueError("more than one replica needs StreamSpecification")
        there = account.client("dynamodb", region, api.meta.endpoint_url)
        return create_table(there, name, but(self.within(region, p), "Replicas", "WriteProvisionedThroughputSettings"))

    @staticmethod
    def regions(p):
        return {r["Region"] for r in p["Replicas"]}

    @staticmethod
    def within(region, p):
        """The properties with those of a region's replica."""
        own = next(r for r in p["Replicas"] if r["Region"] == region)
        shared = but(p, "Replicas")
        if "SSESpecification" in own:
            shared["SSESpecification"] = {**p.get("SSESpecification", {}), **own["SSESpecification"]}
        return {**but(own, "Region", "SSESpecification"), **shared}


class Key(Resource):
    type, service = "AWS::KMS::Key", "kms"

    def create(self, api, name, p):
        extra = but(p, "KeyPolicy", "EnableKeyRotation", "Enabled", "PendingWindowInDays", "RotationPeriodInDays", "Tags")
        tags = [{"TagKey": t["Key"], "TagValue": t["Value"]} for t in p.get("Tags", [])]
        extra.setdefault("KeyUsage", "ENCRYPT_DECRYPT")  # AWS's default, which moto has not
        key = call(api, "create_key", Policy=p["KeyPolicy"], Tags=tags, **extra)["KeyMetadata"]
        if str(p.get("EnableKeyRotation")).lower() == "true":
            api.enable_key_rotation(KeyId=key["KeyId"])
        return key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]}

    def update(self, api, found, p):
        changed = {k for k in p.keys() | found.properties.keys() if p.get(k) != found.properties.get(k)}
        if changed & {"KeySpec", "KeyUsage", "MultiRegion", "Origin"}:  # AWS refuses these changes
            raise ValueError(f"{sorted(changed)} of a key cannot change")
        call(api, "put_key_policy", KeyId=found.physical_resource_id, PolicyName="default", Policy=p["KeyPolicy"])

    def delete(self, api, found):
        days = int(found.properties.get("PendingWindowInDays", 30))
        api.schedule_key_deletion(KeyId=found.physical_resource_id, PendingWindowInDays=days)


class KeyAlias(Resource):
    type, service = "AWS::KMS::Alias", "kms"

    def create(self, api, name, p):
        call(api, "create_alias", **p)
        return p["AliasName"], {}

    def update(self, api, found, p):
        call(api, "update_alias", **p)

    def delete(self, api, found):
        api.delete_alias(AliasName=found.physical_resource_id)


RESOURCES = [Table(), GlobalTable(), Key(), KeyAlias()]
