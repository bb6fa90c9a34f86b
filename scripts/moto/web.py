"""The API, and what watches: logs, alarms, dashboards, topics."""

from account import pairs
from engine import Resource, but, call


class Api(Resource):
    type, service = "AWS::ApiGatewayV2::Api", "apigatewayv2"

    def create(self, api, name, p):
        made = call(api, "create_api", **p)
        return made["ApiId"], {"ApiId": made["ApiId"], "ApiEndpoint": made["ApiEndpoint"]}

    def update(self, api, found, p):
        call(api, "update_api", ApiId=found.physical_resource_id, **but(p, "ProtocolType", "Tags"))

    def delete(self, api, found):
        api.delete_api(ApiId=found.physical_resource_id)


class Stage(Resource):
    type, service = "AWS::ApiGatewayV2::Stage", "apigatewayv2"

    def create(self, api, name, p):
        call(api, "create_stage", **p)
        return p["StageName"], {}

    def update(self, api, found, p):
        """moto has no update: made again."""
        self.delete(api, found)
        self.create(api, "", p)

    def delete(self, api, found):
        api.delete_stage(ApiId=found.properties["ApiId"], StageName=found.physical_resource_id)


class Integration(Resource):
    type, service = "AWS::ApiGatewayV2::Integration", "apigatewayv2"

    def create(self, api, name, p):
        made = call(api, "create_integration", **p)
        return made["IntegrationId"], {"IntegrationId": made["IntegrationId"]}

    def update(self, api, found, p):
        call(api, "update_integration", IntegrationId=found.physical_resource_id, **p)

    def delete(self, api, found):
        api.delete_integration(ApiId=found.properties["ApiId"], IntegrationId=found.physical_resource_id)


class Route(Resource):
    type, service = "AWS::ApiGatewayV2::Route", "apigatewayv2"

    def create(self, api, name, p):
        made = call(api, "create_route", **p)
        return made["RouteId"], {"RouteId": made["RouteId"]}

    def update(self, api, found, p):
        call(api, "update_route", RouteId=found.physical_resource_id, **p)

    def delete(self, api, found):
        api.delete_route(ApiId=found.properties["ApiId"], RouteId=found.physical_resource_id)


class LogGroup(Resource):
    type, service, name_property = "AWS::Logs::LogGroup", "logs", "LogGroupName"

    def create(self, api, name, p):
        extra = but(p, "LogGroupName", "RetentionInDays", "Tags")
        call(api, "create_log_group", LogGroupName=name, Tags=pairs(p.get("Tags")), **extra)
        self.retain(api, name, p)
        found = api.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
        return name, {"Arn": found["arn"]}

    def update(self, api, found, p):
        self.retain(api, found.physical_resource_id, p)

    @staticmethod
    def retain(api, name, p):
        if "RetentionInDays" in p:
            call(api, "put_retention_policy", LogGroupName=name, RetentionInDays=p["RetentionInDays"])

    def delete(self, api, found):
        api.delete_log_group(logGroupName=found.physical_resource_id)


class Alarm(Resource):
    type, service, name_property = "AWS::CloudWatch::Alarm", "cloudwatch", "AlarmName"

    def create(self, api, name, p):
        call(api, "put_metric_alarm", AlarmName=name, **but(p, "AlarmName"))
        described = api.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
        return name, {"Arn": described["AlarmArn"]}

    def update(self, api, found, p):
        self.create(api, found.physical_resource_id, p)

    def delete(self, api, found):
        api.delete_alarms(AlarmNames=[found.physical_resource_id])


class Dashboard(Resource):
    type, service, name_property = "AWS::CloudWatch::Dashboard", "cloudwatch", "DashboardName"

    def create(self, api, name, p):
        call(api, "put_dashboard", DashboardName=name, DashboardBody=p["DashboardBody"])
        return name, {}

    def update(self, api, found, p):
        self.create(api, found.physical_resource_id, p)

    def delete(self, api, found):
        api.delete_dashboards(DashboardNames=[found.physical_resource_id])


class Topic(Resource):
    type, service, name_property = "AWS::SNS::Topic", "sns", "TopicName"

    def create(self, api, name, p):
        attributes = but(p, "TopicName", "Tags", "Subscription")
        arn = call(api, "create_topic", Name=name, Attributes=attributes, Tags=p.get("Tags", []))["TopicArn"]
        for s in p.get("Subscription", []):
            api.subscribe(TopicArn=arn, **s)
        return arn, {"TopicArn": arn, "TopicName": name}

    def delete(self, api, found):
        api.delete_topic(TopicArn=found.physical_resource_id)


class TopicPolicy(Resource):
    type, service = "AWS::SNS::TopicPolicy", "sns"

    def create(self, api, name, p):
        for topic in p["Topics"]:
            call(api, "set_topic_attributes", TopicArn=topic, AttributeName="Policy", AttributeValue=p["PolicyDocument"])
        return name, {"Id": name}

    def update(self, api, found, p):
        self.create(api, found.physical_resource_id, p)


class Subscription(Resource):
    type, service = "AWS::SNS::Subscription", "sns"

    def create(self, api, name, p):
        arn = call(api, "subscribe", ReturnSubscriptionArn=True, **but(p, "Region"))["SubscriptionArn"]
        return arn, {"Arn": arn}

    def delete(self, api, found):
        api.unsubscribe(SubscriptionArn=found.physical_resource_id)


RESOURCES = [
    Api(), Stage(), Integration(), Route(), LogGroup(), Alarm(), Dashboard(),
    Topic(), TopicPolicy(), Subscription(),
]  # fmt: skip
