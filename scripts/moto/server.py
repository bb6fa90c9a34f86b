"""AWS's APIs on 127.0.0.1, by moto, with the stacks of engine.py, and a bucket
with two releases of a function's code: the keys 1 and 2. Prints the address and
the id of the zone example.com, and ends when its standard input does.

    server.py BUCKET REGION
"""

import io
import logging
import os
import sys
import threading
import zipfile

os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

import account
import care
import compute
import data
import edge
import engine
import gaps
import notmade
import web


def main(bucket, region):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    gaps.fill()
    app = gaps.SpeakCBOR(DomainDispatcherApplication(create_backend_app), region)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
    endpoint = app.endpoint = f"http://127.0.0.1:{server.server_port}"
    made = data.RESOURCES + compute.RESOURCES + web.RESOURCES + edge.RESOURCES + care.RESOURCES
    engine.install(made + [engine.NotMade(t) for t in notmade.NOT_MADE], endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    s3 = account.client("s3", region, endpoint)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    for key in ("1", "2"):
        s3.put_object(Bucket=bucket, Key=key, Body=release(key))
    zone = account.client("route53", region, endpoint).create_hosted_zone(Name="example.com", CallerReference="1")
    print(endpoint, zone["HostedZone"]["Id"].removeprefix("/hostedzone/"), flush=True)
    sys.stdin.read()
    server.shutdown()


def release(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("bootstrap", text)
    return out.getvalue()


if __name__ == "__main__":
    main(*sys.argv[1:])
