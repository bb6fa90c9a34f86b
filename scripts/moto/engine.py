"""CloudFormation in moto, closer to AWS. The resource types of data.py,
compute.py, web.py, edge.py and care.py are created through the services' own APIs, with the checks
of the SDK, and are updated in place or replaced as AWS's published schemas say
(createOnlyProperties; cfn-lint carries them). There are no other types."""

import contextlib
import functools
import graphlib
import json
import re

import account
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError


# {{resolve:secretsmanager:SECRET:SecretString:KEY OF JSON:STAGE:VERSION}}, without a key.
DYNAMIC = re.compile(
    r"{{resolve:secretsmanager:(?P<SecretId>arn(?::[^:}]*){6}|[^:}]*)"
    r":SecretString::(?P<VersionStage>[^:}]*):(?P<VersionId>[^:}]*)}}"
)


class Resource:
    """A resource type. Subclasses say how it is created, changed and deleted."""

    type = ""  # AWS::Service::Name
    service = ""  # of the SDK
    name_property = ""  # the property that names it, if it has one

    def create(self, api, name, p):
        """Returns the physical id and the attributes for GetAtt."""
        raise NotImplementedError

    def update(self, api, found, p):
        raise NotImplementedError(f"update of {self.type}")

    def delete(self, api, found):
        raise NotImplementedError(f"deletion of {self.type}")


class Created:
    """A resource that exists."""

    def __init__(self, adapter, properties, region, made):
        self.adapter, self.properties, self.region = adapter, properties, region
        self.physical_resource_id, self.attributes = made

    def get_cfn_attribute(self, attribute):
        return self.attributes[attribute]

    def is_created(self):
        return True

    def delete(self, account, region):
        self.adapter.remove(self)


class Adapter:
    """Stands for a model class of moto."""

    def __init__(self, resource, clients):
        self.resource, self.clients = resource, clients
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource.type).schema
        only = schema.get("createOnlyProperties", []) + schema.get("conditionalCreateOnlyProperties", [])
        # A nested property counts as the whole one.
        self.create_only = {p.split("/")[2] for p in only}
        self.read_only = {p.removeprefix("/properties/").replace("/", ".") for p in schema.get("readOnlyProperties", [])}

    def cloudformation_type(self):
        return self.resource.type

    def cloudformation_name_type(self):
        return self.resource.name_property

    def has_cfn_attr(self, attribute):
        return attribute in self.read_only

    def create_from_cloudformation_json(self, resource_name, cloudformation_json, account_id, region_name, **_):
        p = cloudformation_json["Properties"]
        with self.failing(resource_name):
            made = self.resource.create(
                self.clients(self.resource.service, region_name), resource_name, self.resolved(p, region_name)
            )
        return Created(self, p, region_name, made)

    def update_from_cloudformation_json(
        self, original_resource, new_resource_name, cloudformation_json, account_id, region_name
    ):
        found, p = original_resource, cloudformation_json["Properties"]
        changed = {k for k in found.properties.keys() | p.keys() if found.properties.get(k) != p.get(k)}
        if not changed:
            return found
        if changed & self.create_only:
            new = self.create_from_cloudformation_json(new_resource_name, cloudformation_json, account_id, region_name)
            if cloudformation_json.get("UpdateReplacePolicy") != "Retain":
                self.remove(found)
            return new
        with self.failing(found.physical_resource_id):
            self.resource.update(self.clients(self.resource.service, region_name), found, self.resolved(p, region_name))
        found.properties = p
        return found

    def resolved(self, value, region):
        """Puts secrets in for dynamic references. As in AWS, one is not read again
        before its own text changes."""
        if isinstance(value, dict):
            return {k: self.resolved(v, region) for k, v in value.items()}
        if isinstance(value, list):
            return [self.resolved(v, region) for v in value]
        m = DYNAMIC.fullmatch(value) if isinstance(value, str) else None
        if not m:
            return value
        which = {k: v for k, v in m.groupdict().items() if v}
        return self.clients("secretsmanager", region).get_secret_value(**which)["SecretString"]

    @contextlib.contextmanager
    def failing(self, name):
        """Makes every error one that the caller of CloudFormation reads."""
        try:
            yield
        except ValidationError:
            raise
        except Exception as e:
            raise ValidationError(message=f"{self.resource.type} {name}: {e!r}") from e

    def remove(self, found):
        self.resource.delete(self.clients(self.resource.service, found.region), found)


class NotMade(Resource):
    """A type that moto cannot make: named, but not there."""

    service = "sts"  # any

    def __init__(self, kind):
        self.type = kind

    def create(self, api, name, p):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", self.type).schema
        read_only = [r.removeprefix("/properties/").replace("/", ".") for r in schema.get("readOnlyProperties", [])]
        return name, {attribute: f"{name}.{attribute}" for attribute in read_only}

    def update(self, api, found, p):
        pass

    def delete(self, api, found):
        pass


def install(resources, endpoint):
    """Makes moto's CloudFormation know these types and no others."""

    @functools.lru_cache(maxsize=None)
    def client(service, region):
        return account.client(service, region, endpoint)

    types, names = parsing.get_model_map(), parsing.get_name_type_map()
    types.clear()
    for resource in resources:
        types[resource.type] = Adapter(resource, client)
        names[resource.type] = resource.name_property
    drop_no_value_in_lists()
    update_as_aws_does()


def drop_no_value_in_lists():
    """AWS::NoValue takes an element out of a list; moto leaves a null there."""
    clean = parsing.clean_json

    def clean_json(value, resources):
        cleaned = clean(value, resources)
        if isinstance(value, list):
            return [v for v in cleaned if v is not None]
        return cleaned

    parsing.clean_json = clean_json


def update_as_aws_does():
    """An update looks at every resource, in the order of their dependencies,
    whatever has changed its properties (moto sees direct Refs only); keeps what
    is retained; and follows conditions that have changed."""

    def build_resource_diff(self, template, parameters=None):
        old, new = self._resource_json_map, template["Resources"]
        removed = [name for name in old if name not in new]
        for name in removed:
            if old[name].get("DeletionPolicy") == "Retain":
                self._parsed_resources.pop(name, None)
        return {
            "Add": [],
            "Modify": in_order(new),
            "Remove": [name for name in removed if name in self._parsed_resources],
        }

    modify = parsing.parse_and_update_resource

    def parse_and_update_resource(logical_id, resource_json, resources_map, account_id, region_name):
        deployed, condition = resources_map._parsed_resources, resource_json.get("Condition")
        if condition and not resources_map.lazy_condition_map[condition]:
            gone = deployed.get(logical_id)
            if gone is not None and resource_json.get("DeletionPolicy") != "Retain":
                gone.delete(account_id, region_name)
            return None
        if deployed.get(logical_id) is None:
            deployed.pop(logical_id, None)
            return resources_map[logical_id]
        return modify(logical_id, resource_json, resources_map, account_id, region_name)

    parsing.ResourceMap.build_resource_diff = build_resource_diff
    parsing.parse_and_update_resource = parse_and_update_resource


def in_order(resources):
    """The names, those that others refer to first."""
    graph = {name: references(r) & resources.keys() - {name} for name, r in resources.items()}
    return list(graphlib.TopologicalSorter(graph).static_order())


def references(value):
    """What an object of a template refers to."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    found = set().union(*map(references, value.values()))
    for key, v in value.items():
        if key == "Ref":
            found.add(v)
        elif key == "Fn::GetAtt":
            found.add(v[0] if isinstance(v, list) else v.split(".")[0])
        elif key == "Fn::Sub":
            found |= set(re.findall(r"\$\{([^!.}]+)", v[0] if isinstance(v, list) else v))
        elif key == "DependsOn":
            found |= set(v if isinstance(v, list) else [v])
    return found


def call(api, operation, **parameters):
    """Calls an API with properties as CloudFormation has them: names in other
    case, numbers and booleans as strings, documents as objects."""
    model = api.meta.service_model.operation_model(api.meta.method_to_api_mapping[operation])
    return getattr(api, operation)(**as_shape(model.input_shape, parameters))


def as_shape(shape, value):
    match shape.type_name:
        case "structure":
            if isinstance(value, list) and {"Quantity", "Items"} <= shape.members.keys():  # CloudFront's lists
                value = {"Quantity": len(value), "Items": value}
            members = {m.lower(): m for m in shape.members}
            unknown = [k for k in value if k.lower() not in members]
            if unknown:
                raise ValueError(f"{shape.name} has no {unknown}")
            return {members[k.lower()]: as_shape(shape.members[members[k.lower()]], v) for k, v in value.items()}
        case "list":
            return [as_shape(shape.member, v) for v in value]
        case "map":
            return {k: as_shape(shape.value, v) for k, v in value.items()}
        case "integer" | "long":
            return int(value)
        case "float" | "double":
            return float(value)
        case "boolean":
            return str(value).lower() == "true"
        case "string":
            return value if isinstance(value, str) else json.dumps(value, default=str)
    return value


def but(p, *names):
    """The properties without these."""
    return {k: v for k, v in p.items() if k not in names}
