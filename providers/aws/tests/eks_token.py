"""Prints the token that botocore makes, as `aws eks get-token` does: KEY SECRET TOKEN|- REGION CLUSTER SECONDS."""

import base64
import datetime
import sys

import botocore.auth
import botocore.session
from botocore.signers import RequestSigner

key, secret, session_token, region, cluster, seconds = sys.argv[1:]
moment = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
botocore.auth.get_current_datetime = lambda remove_tzinfo=True: moment.replace(tzinfo=None)

session = botocore.session.Session()
session.set_credentials(key, secret, None if session_token == "-" else session_token)
client = session.create_client("sts", region_name=region)
model = client.meta.service_model
signer = RequestSigner(model.service_id, region, "sts", "v4", session.get_credentials(), session.get_component("event_emitter"))
url = signer.generate_presigned_url(
    {
        "method": "GET",
        "url": f"https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster},
        "context": {},
    },
    region_name=region,
    expires_in=60,
    operation_name="",
)
print("k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("="))
