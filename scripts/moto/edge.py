"""What is in front of the API: names, certificates, CloudFront, WAF."""

from engine import Resource, but, call


class Certificate(Resource):
    type, service = "AWS::CertificateManager::Certificate", "acm"

    def create(self, api, name, p):
        options = [{"DomainName": o["DomainName"], "ValidationDomain": o.get("ValidationDomain", o["DomainName"])}
                   for o in p.get("DomainValidationOptions", [])]  # fmt: skip
        extra = {"DomainValidationOptions": options} if options else {}
        arn = call(api, "request_certificate", **but(p, "DomainValidationOptions"), **extra)["CertificateArn"]
        return arn, {"Id": arn}

    def delete(self, api, found):
        api.delete_certificate(CertificateArn=found.physical_resource_id)


class DomainName(Resource):
    type, service = "AWS::ApiGatewayV2::DomainName", "apigatewayv2"

    def create(self, api, name, p):
        call(api, "create_domain_name", **p)
        # moto does not make these up.
        host = f"d-{p['DomainName'].replace('.', '')}.execute-api.{api.meta.region_name}.amazonaws.com"
        return p["DomainName"], {"RegionalDomainName": host, "RegionalHostedZoneId": "Z2FDTNDATAQYW2"}

    def delete(self, api, found):
        api.delete_domain_name(DomainName=found.physical_resource_id)


class ApiMapping(Resource):
    type, service = "AWS::ApiGatewayV2::ApiMapping", "apigatewayv2"

    def create(self, api, name, p):
        mapping = call(api, "create_api_mapping", **{"ApiMappingKey": "", **p})["ApiMappingId"]
        return mapping, {"ApiMappingId": mapping}

    def delete(self, api, found):
        api.delete_api_mapping(ApiMappingId=found.physical_resource_id, DomainName=found.properties["DomainName"])


class RecordSet(Resource):
    type, service = "AWS::Route53::RecordSet", "route53"

    def create(self, api, name, p):
        self.change(api, "UPSERT", p)
        return p["Name"], {"Id": p["Name"]}

    def update(self, api, found, p):
        self.change(api, "UPSERT", p)

    def delete(self, api, found):
        self.change(api, "DELETE", found.properties)

    @staticmethod
    def change(api, action, p):
        record = but(p, "HostedZoneId", "HostedZoneName", "Comment")
        if "ResourceRecords" in record:
            record["ResourceRecords"] = [{"Value": v} for v in record["ResourceRecords"]]
        if "AliasTarget" in record:
            record["AliasTarget"] = {"EvaluateTargetHealth": False, **record["AliasTarget"]}
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        call(api, "change_resource_record_sets", HostedZoneId=p["HostedZoneId"], ChangeBatch=batch)


class HealthCheck(Resource):
    type, service = "AWS::Route53::HealthCheck", "route53"

    def create(self, api, name, p):
        made = call(api, "create_health_check", CallerReference=name, HealthCheckConfig=p["HealthCheckConfig"])
        return made["HealthCheck"]["Id"], {"HealthCheckId": made["HealthCheck"]["Id"]}

    def delete(self, api, found):
        api.delete_health_check(HealthCheckId=found.physical_resource_id)


class Distribution(Resource):
    type, service = "AWS::CloudFront::Distribution", "cloudfront"
    # Properties that the API calls otherwise.
    renamed = {"IPV6Enabled": "IsIPV6Enabled", "OriginCustomHeaders": "CustomHeaders"}

    def create(self, api, name, p):
        made = call(api, "create_distribution", DistributionConfig=self.config(name, p))["Distribution"]
        return made["Id"], {"Id": made["Id"], "DomainName": made["DomainName"]}

    def update(self, api, found, p):
        now = api.get_distribution_config(Id=found.physical_resource_id)
        config = self.config(now["DistributionConfig"]["CallerReference"], p)
        call(api, "update_distribution", Id=found.physical_resource_id, IfMatch=now["ETag"], DistributionConfig=config)

    def config(self, reference, p):
        config = {"Comment": "", **self.rename(p["DistributionConfig"]), "CallerReference": reference}
        for origin in config["Origins"]:
            if "CustomOriginConfig" in origin:
                origin["CustomOriginConfig"] = {"HTTPPort": 80, "HTTPSPort": 443, **origin["CustomOriginConfig"]}
        for behavior in [config["DefaultCacheBehavior"], *config.get("CacheBehaviors", [])]:
            methods = behavior.get("AllowedMethods", ["GET", "HEAD"])
            cached = behavior.pop("CachedMethods", ["GET", "HEAD"])
            behavior["AllowedMethods"] = {
                "Quantity": len(methods), "Items": methods, "CachedMethods": cached,
            }  # fmt: skip
        return config

    def rename(self, value):
        if isinstance(value, dict):
            return {self.renamed.get(k, k): self.rename(v) for k, v in value.items()}
        return [self.rename(v) for v in value] if isinstance(value, list) else value


class WebACL(Resource):
    type, service, name_property = "AWS::WAFv2::WebACL", "wafv2", "Name"

    def create(self, api, name, p):
        made = call(api, "create_web_acl", Name=name, **but(p, "Name"))["Summary"]
        return f"{name}|{made['Id']}|{p['Scope']}", {"Arn": made["ARN"], "Id": made["Id"], "Name": name}

    def update(self, api, found, p):
        key = {"Name": found.attributes["Name"], "Id": found.attributes["Id"], "Scope": p["Scope"]}
        token = api.get_web_acl(**key)["LockToken"]
        call(api, "update_web_acl", LockToken=token, **key, **but(p, "Name", "Scope", "Tags"))


class WebACLLogging(Resource):
    type, service = "AWS::WAFv2::LoggingConfiguration", "wafv2"

    def create(self, api, name, p):
        call(api, "put_logging_configuration", LoggingConfiguration=p)
        return p["ResourceArn"], {}


RESOURCES = [
    Certificate(), DomainName(), ApiMapping(), RecordSet(), HealthCheck(), Distribution(), WebACL(), WebACLLogging(),
]  # fmt: skip
