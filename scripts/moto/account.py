"""How the scripts call the services of moto."""

import boto3

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


def client(service, region, endpoint):
    return boto3.client(service, region_name=region, endpoint_url=endpoint, **CREDENTIALS)


def pairs(tags):
    """Tags as a map."""
    return {t["Key"]: t["Value"] for t in tags or []}
