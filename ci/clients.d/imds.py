"""The instance metadata service, asked by botocore and as EC2's documentation shows it.

needs: botocore openssl
"""

import json
import os
import re
import subprocess
import urllib.error
import urllib.request

import botocore.utils

from world import World, equal, main

world = World("--control", "imds:role:web,lifetime=2h", "--control", "imds:set:spot/instance-action,value=terminate soon",
              "--control", "imds:set:autoscaling/target-lifecycle-state,value=Terminated",
              "--control", "imds:set:user-data,value=ECS_CLUSTER=demo", "--control", "imds:version:v2", fakes=("imds", "aws"))
URL = world.env["ECSIM_IMDS_URL"]
FETCHER = dict(timeout=2, num_attempts=1, base_url=URL + "/", env={})


def ask(path, method="GET", **headers):
    headers = {"X-aws-ec2-metadata-" + k.replace("_", "-"): v for k, v in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(URL + "/latest/" + path, headers=headers, method=method), timeout=2) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def get(path):
    status, token = ask("api/token", "PUT", token_ttl_seconds="60")
    equal(status, 200)
    status, text = ask(path, token=token)
    equal(status, 200)
    return text


def openssl(*args):
    r = subprocess.run(("/usr/bin/openssl",) + args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return r.returncode, r.stdout.decode(errors="replace")


def keep(name, text):
    path = os.path.join(world.dir, name)
    with open(path, "wb") as f:
        f.write(text.encode())
    return path


def certificate(kind):
    return keep(kind + ".crt", subprocess.run([world.ecsim, "certificates", kind], stdout=subprocess.PIPE, check=True, text=True).stdout)


def test_versions():
    """version 2 wants a token, of 1 to 21600 seconds, and one that it knows"""
    equal(ask("meta-data/instance-id")[0], 401)
    equal(ask("meta-data/instance-id", token="nobody's")[0], 401)
    equal(ask("api/token", "PUT", token_ttl_seconds="21601")[0], 400)
    equal(ask("api/token", "PUT")[0], 400)
    assert re.fullmatch("i-[0-9a-f]{17}", get("meta-data/instance-id"))


def test_role():
    """botocore takes the role's credentials by a token, and they sign"""
    k = botocore.utils.InstanceMetadataFetcher(**FETCHER).retrieve_iam_role_credentials()
    equal(k["role_name"], "web")
    sts = world.client("sts", key=k["access_key"], secret=k["secret_key"], token=k["token"])
    assert sts.get_caller_identity()["Arn"].startswith("arn:aws:sts::123456789012:assumed-role/web/i-"), sts.get_caller_identity()
    equal(botocore.utils.InstanceMetadataRegionFetcher(**FETCHER).retrieve_region(), "us-west-2")


def test_hops():
    """who is too far away gets no token, and botocore goes on without"""
    far = World("--control", "imds:hop:1,distance=2", fakes=("imds",))
    try:
        urllib.request.urlopen(urllib.request.Request(
            far.env["ECSIM_IMDS_URL"] + "/latest/api/token", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}, method="PUT"), timeout=0.5)
        raise AssertionError("a token came")
    except OSError as e:
        assert "timed out" in str(e), e
    fetcher = dict(FETCHER, base_url=far.env["ECSIM_IMDS_URL"] + "/", timeout=0.5)
    equal(botocore.utils.InstanceMetadataFetcher(**fetcher).retrieve_iam_role_credentials()["role_name"], "ecsInstanceRole")
    far.close()
    far.remove()


def test_document():
    """the identity document is signed as EC2 signs it: openssl says so"""
    document = get("dynamic/instance-identity/document")
    equal(json.loads(document)["accountId"], "123456789012")
    path, other = keep("document", document), keep("other", document.replace("123456789012", "210987654321"))
    code, key = openssl("x509", "-pubkey", "-noout", "-in", certificate("signature"))
    equal(code, 0)
    signature = keep("signature.b64", get("dynamic/instance-identity/signature"))
    equal(openssl("base64", "-d", "-in", signature, "-out", world.dir + "/signature")[0], 0)
    check = ("dgst", "-sha256", "-verify", keep("key", key), "-signature", world.dir + "/signature")
    equal(openssl(*check, path), (0, "Verified OK\n"))
    equal(openssl(*check, other)[0], 1)
    for kind in ("pkcs7", "rsa2048"):
        pem = keep(kind, "-----BEGIN PKCS7-----\n%s\n-----END PKCS7-----\n" % get("dynamic/instance-identity/" + kind))
        check = ("smime", "-verify", "-in", pem, "-inform", "PEM", "-noverify", "-out", world.dir + "/got")
        code, said = openssl(*check, "-certfile", certificate(kind))
        assert code == 0 and "Verification successful" in said, said
        with open(world.dir + "/got", encoding="ascii") as f:
            equal(f.read(), document)
        equal(openssl(*check, "-certfile", certificate("rsa2048" if kind == "pkcs7" else "pkcs7"))[0], 4)


def test_notices():
    """notices of spot and autoscaling, user data: not there until they are"""
    equal(get("meta-data/spot/instance-action"), "terminate soon")
    equal(get("meta-data/autoscaling/target-lifecycle-state"), "Terminated")
    equal(get("user-data"), "ECS_CLUSTER=demo")
    plain = World(fakes=("imds",))
    for path in ("meta-data/spot/instance-action", "meta-data/autoscaling/target-lifecycle-state", "user-data"):
        try:
            urllib.request.urlopen(plain.env["ECSIM_IMDS_URL"] + "/latest/" + path)
            raise AssertionError(path + " is there")
        except urllib.error.HTTPError as e:
            equal(e.code, 404)
    plain.close()
    plain.remove()


main(globals(), world)
