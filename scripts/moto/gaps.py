"""What moto lacks of AWS, and this project uses."""

import base64
import json
import re

import account
import cbor2
from botocore import xform_name
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.awslambda.models import LambdaFunction
from moto.kms import models
from moto.kms.responses import KmsResponse

DIGEST_ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256"


def fill():
    log_groups_of_functions()
    ids_of_multi_region_keys()
    replicas_without_aliases()
    signatures_of_digests()


def log_groups_of_functions():
    """moto forgets in which log group a function writes."""
    init, configuration = LambdaFunction.__init__, LambdaFunction.get_configuration
    update = LambdaFunction.update_configuration

    def __init__(self, account_id, spec, *args, **kwargs):
        self.logging_config = spec.get("LoggingConfig")
        init(self, account_id, spec, *args, **kwargs)

    def update_configuration(self, config_updates):
        self.logging_config = config_updates.get("LoggingConfig", self.logging_config)
        return update(self, config_updates)

    def get_configuration(self, *args, **kwargs):
        default = {"LogFormat": "Text", "LogGroup": self.logs_group_name}
        return {**configuration(self, *args, **kwargs), "LoggingConfig": {**default, **(self.logging_config or {})}}

    LambdaFunction.__init__ = __init__
    LambdaFunction.update_configuration = update_configuration
    LambdaFunction.get_configuration = get_configuration


def ids_of_multi_region_keys():
    """moto's are four characters longer than AWS's, and it decrypts nothing with
    such keys: a ciphertext has no room for the name."""
    make, validate = models.generate_key_id, KmsResponse._validate_cmk_id

    def generate_key_id(multi_region=False):
        return "mrk-" + make().replace("-", "") if multi_region else make()

    def validate_cmk_id(self, key_id):
        # An ARN may have any id, and is looked up as well.
        validate(self, self._display_arn(key_id) if re.fullmatch("mrk-[0-9a-f]{32}", key_id) else key_id)

    models.generate_key_id, KmsResponse._validate_cmk_id = generate_key_id, validate_cmk_id


def replicas_without_aliases():
    """moto's replicas share the aliases of the first key; AWS's have none."""
    replicate = models.KmsBackend.replicate_key

    def replicate_key(self, *args, **kwargs):
        replica = replicate(self, *args, **kwargs)
        replica.aliases = {}
        return replica

    models.KmsBackend.replicate_key = replicate_key


def signatures_of_digests():
    """moto hashes a DIGEST once more."""
    sign = KmsResponse.sign

    def sign_digest(self):
        key_id, algorithm = self._get_param("KeyId"), self._get_param("SigningAlgorithm")
        if self._get_param("MessageType") != "DIGEST" or algorithm != DIGEST_ALGORITHM:
            return sign(self)
        key = self.kms_backend.describe_key(key_id)
        if key.key_state != "Enabled":
            return sign(self)  # refuses
        signature = key.private_key.private_key.sign(
            self._get_param("Message"), padding.PKCS1v15(), Prehashed(hashes.SHA256())
        )
        return json.dumps(
            {"KeyId": key.arn, "Signature": base64.b64encode(signature).decode(), "SigningAlgorithm": algorithm}
        )

    KmsResponse.sign = sign_digest


class SpeakCBOR:
    """CloudWatch's clients speak CBOR (Smithy RPC v2), which moto does not: their
    calls are made again in the way that it understands."""

    def __init__(self, app, region):
        self.app, self.region, self.endpoint = app, region, ""

    def __call__(self, environ, start_response):
        if environ.get("HTTP_SMITHY_PROTOCOL") != "rpc-v2-cbor":
            return self.app(environ, start_response)
        asked = cbor2.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"\xa0")
        signed = re.search(r"Credential=[^/]+/[0-9]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        region = signed.group(1) if signed else self.region
        call = getattr(account.client("cloudwatch", region, self.endpoint), xform_name(environ["PATH_INFO"].rsplit("/", 1)[1]))
        try:
            status, answer = "200 OK", call(**asked)
            answer.pop("ResponseMetadata")
        except ClientError as e:
            status, answer = "400 Bad Request", {"__type": e.response["Error"]["Code"], "message": str(e)}
        start_response(status, [("Smithy-Protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")])
        return [cbor2.dumps(answer, datetime_as_timestamp=True)]
