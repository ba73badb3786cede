"""Signatures that are wrong, late, foreign or missing: the right error, and nothing changes.

needs: botocore
"""

import contextlib
import datetime
import json
import time
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials

from world import World, equal, main, refused

world = World("--cluster", "demo", "--control", "s3:bucket:bucket", "--control", "s3:object:bucket/k,body=first",
              "--control", "aws:role:arn:aws:iam::123456789012:role/r,lifetime=1h", fakes=("ecs", "s3", "aws"))
ecs, s3 = world.client("ecs"), world.client("s3", signature_version="s3v4")
S3_URL, ECS_URL = world.env["ECSIM_S3_URL"], world.env["ECSIM_ECS_URL"]
KEYS = botocore.credentials.Credentials(world.env["AWS_ACCESS_KEY_ID"], world.env["AWS_SECRET_ACCESS_KEY"])


@contextlib.contextmanager
def clock(seconds):
    """The clients' clock is off by so much."""
    real = datetime.datetime

    class Shifted(real):
        @classmethod
        def utcnow(cls):
            return real.utcnow() + datetime.timedelta(seconds=seconds)

    botocore.auth.datetime.datetime = Shifted
    try:
        yield
    finally:
        botocore.auth.datetime.datetime = real


def unchanged():
    equal(s3.get_object(Bucket="bucket", Key="k")["Body"].read(), b"first")
    equal(ecs.list_clusters()["clusterArns"], ["arn:aws:ecs:us-west-2:123456789012:cluster/demo"])


def both(code_ecs, code_s3, **client):
    """The same fault at a JSON service and at S3."""
    refused(code_ecs, world.client("ecs", **client).create_cluster, clusterName="evil")
    refused(code_s3, world.client("s3", **client).put_object, Bucket="bucket", Key="k", Body=b"evil")
    unchanged()


def send(method, url, body, headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers, method=method)) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def signed(method, url, body, headers, signer, service, region="us-west-2"):
    request = botocore.awsrequest.AWSRequest(method=method, url=url, data=body, headers=headers)
    signer(KEYS, service, region).add_auth(request)
    return dict(request.headers)


JSON_HEADERS = {"Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.CreateCluster"}


def test_secret():
    """a wrong secret"""
    both("InvalidSignatureException", "SignatureDoesNotMatch", secret="wrong")


def test_key():
    """an unknown access key"""
    both("UnrecognizedClientException", "InvalidAccessKeyId", key="AKIANOBODY0000000000")


def test_region():
    """another region in the scope"""
    refused("InvalidSignatureException", world.client("ecs", region="eu-central-1").create_cluster, clusterName="evil")
    # botocore itself would follow the region that S3 tells, and try again
    headers = signed("PUT", S3_URL + "/bucket/k", b"evil", {}, botocore.auth.S3SigV4Auth, "s3", "eu-central-1")
    status, text = send("PUT", S3_URL + "/bucket/k", b"evil", headers)
    assert status == 400 and "<Code>AuthorizationHeaderMalformed</Code>" in text and "<Region>us-west-2</Region>" in text, text
    unchanged()


def test_late():
    """a clock that is late or early"""
    for seconds in (-3600, 3600):
        with clock(seconds):
            both_late("InvalidSignatureException", "RequestTimeTooSkewed")
    unchanged()


def both_late(code_ecs, code_s3):
    refused(code_ecs, ecs.create_cluster, clusterName="evil")
    refused(code_s3, s3.put_object, Bucket="bucket", Key="k", Body=b"evil")


def test_replay():
    """a signature with another body"""
    headers = signed("POST", ECS_URL + "/", b'{"clusterName":"good"}', JSON_HEADERS, botocore.auth.SigV4Auth, "ecs")
    status, text = send("POST", ECS_URL + "/", b'{"clusterName":"evil"}', headers)
    equal((status, json.loads(text)["__type"]), (400, "InvalidSignatureException"))
    headers = signed("PUT", S3_URL + "/bucket/k", b"first", {}, botocore.auth.S3SigV4Auth, "s3")
    status, text = send("PUT", S3_URL + "/bucket/k", b"evil!", headers)
    assert status == 400 and "<Code>XAmzContentSHA256Mismatch</Code>" in text, text
    unchanged()


def test_other_target():
    """a signature for another path, header or operation"""
    headers = signed("PUT", S3_URL + "/bucket/other", b"first", {}, botocore.auth.S3SigV4Auth, "s3")
    status, text = send("PUT", S3_URL + "/bucket/k", b"first", headers)
    assert status == 403 and "<Code>SignatureDoesNotMatch</Code>" in text, text
    headers = signed("POST", ECS_URL + "/", b"{}", dict(JSON_HEADERS, **{"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"}),
                     botocore.auth.SigV4Auth, "ecs")
    status, text = send("POST", ECS_URL + "/", b"{}", dict(headers, **JSON_HEADERS))
    equal((status, json.loads(text)["__type"]), (400, "InvalidSignatureException"))
    unchanged()


def test_unsigned():
    """no signature at all"""
    status, text = send("POST", ECS_URL + "/", b'{"clusterName":"evil"}', JSON_HEADERS)
    equal((status, json.loads(text)["__type"]), (400, "MissingAuthenticationTokenException"))
    status, text = send("PUT", S3_URL + "/bucket/k", b"evil", {})
    assert status == 403 and "<Code>AccessDenied</Code>" in text, text
    unchanged()


def test_token():
    """a session token that is missing, foreign or expired"""
    k = json.load(urllib.request.urlopen(world.env["ECSIM_AWS_URL"] + "/v2/credentials/x"))
    role = dict(key=k["AccessKeyId"], secret=k["SecretAccessKey"])
    both("UnrecognizedClientException", "InvalidToken", token="another", **role)
    both("UnrecognizedClientException", "InvalidToken", token=None, **role)
    short = World("--control", "s3:bucket:bucket", "--control", "aws:role:arn:aws:iam::123456789012:role/r,lifetime=1s",
                  fakes=("ecs", "s3", "aws"))
    k = json.load(urllib.request.urlopen(short.env["ECSIM_AWS_URL"] + "/v2/credentials/x"))
    role = dict(key=k["AccessKeyId"], secret=k["SecretAccessKey"], token=k["Token"])
    time.sleep(1.1)
    refused("ExpiredTokenException", short.client("ecs", **role).create_cluster, clusterName="evil")
    refused("ExpiredToken", short.client("s3", **role).put_object, Bucket="bucket", Key="k", Body=b"evil")
    equal(short.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"], 0)
    short.close()
    short.remove()


def test_presigned():
    """a presigned URL that has expired, or was changed"""
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "bucket", "Key": "k"}, ExpiresIn=1)
    time.sleep(1.1)
    status, text = send("PUT", url, b"evil", {})
    assert status == 403 and "Request has expired" in text, text
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "k"}, ExpiresIn=60)
    status, text = send("GET", url.replace("/bucket/k?", "/bucket/other?"), None, {})
    assert status == 403 and "SignatureDoesNotMatch" in text, text
    unchanged()


main(globals(), world)
