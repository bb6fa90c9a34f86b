"""Prints the CloudFormation template, as JSON, that a SAM template (or a plain
one) becomes when it is deployed; the functions' code is at s3://BUCKET/KEY.

    transform.py TEMPLATE BUCKET KEY
"""

import json
import sys

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

REGION = "eu-central-1"


def transform(path: str, bucket: str, key: str) -> dict:
    with open(path) as f:
        template = yaml_parse(f.read())
    if "Transform" not in template:
        return template
    package(template, f"s3://{bucket}/{key}")
    # No managed policies: those of AWS are in the templates by their names.
    return Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION)).translate(template, {})


def package(template: dict, code: str) -> None:
    """Does what `sam package` does: code is in S3."""
    template.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = code


if __name__ == "__main__":
    json.dump(transform(*sys.argv[1:]), sys.stdout, default=str)
