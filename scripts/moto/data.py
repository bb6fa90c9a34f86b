"""Tables and keys."""

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
    """One table; its replicas in other regions are asked for, as far as moto
    makes them."""

    type = "AWS::DynamoDB::GlobalTable"

    def create(self, api, name, p):
        here = self.here(api, p)
        made = create_table(api, name, but(here, "Replicas", "WriteProvisionedThroughputSettings"))
        for replica in p["Replicas"]:
            if replica["Region"] != api.meta.region_name:
                call(api, "update_table", TableName=name, ReplicaUpdates=[{"Create": {"RegionName": replica["Region"]}}])
        return made

    def update(self, api, found, p):
        found.properties = self.here(api, found.properties)
        super().update(api, found, self.here(api, p))

    @staticmethod
    def here(api, p):
        """The properties with those of this region's replica."""
        own = next(r for r in p["Replicas"] if r["Region"] == api.meta.region_name)
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
