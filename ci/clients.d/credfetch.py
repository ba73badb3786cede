"""gRPC's own library (its C core, by python3-grpcio) calls the fake credentials-fetcher.

needs: botocore grpcio
"""

import json
import os

import grpc

from world import World, equal, main

SERVICE = "/credentialsfetcher.CredentialsFetcherService/"
USER = '{"username":"svc","password":"hunter22","domainName":"contoso.com"}'
world = World("--control", "credfetch:account:WebApp01", "--control", "credfetch:account:WebApp02",
              "--control", "s3:bucket:specs",
              fakes=("credfetch", "s3", "aws"))
channel = grpc.insecure_channel("unix:" + world.env["CREDENTIALS_FETCHER_HOST_DIR"])


def spec(account, secret="gmsa/user"):
    return json.dumps({"DomainJoinConfig": {"MachineAccountName": account, "DnsName": "contoso.com"},
                       "ActiveDirectoryConfig": {"GroupManagedServiceAccounts": [{"Name": account}],
                                                 "HostAccountConfig": {"PluginInput": {"CredentialArn": secret}}}})


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def message(*fields):
    """(number, text) each: every member of these messages is a string, or a list of them."""
    return b"".join(varint(n << 3 | 2) + varint(len(t.encode())) + t.encode() for n, t in fields)


def members(p):
    out = []
    while p:
        tag, length, at, shift = p[0], 0, 1, 0
        while True:
            length |= (p[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not p[at - 1] & 0x80:
                break
        out.append((tag >> 3, p[at:at + length].decode()))
        p = p[at + length:]
    return out


def call(method, *fields, timeout=20):
    return members(channel.unary_unary(SERVICE + method)(message(*fields), timeout=timeout))


def fails(code, words, method, *fields):
    try:
        call(method, *fields)
    except grpc.RpcError as e:
        equal(e.code(), code)
        equal(e.details(), words)
    else:
        raise AssertionError(method + " did not fail")


def test_health():
    """health check"""
    equal(call("HealthCheck", (1, "cfservice")), [(1, "OK")])


def test_leases():
    """a lease of two accounts, and giving it back"""
    answer = call("AddKerberosLease", (1, spec("WebApp01")), (1, spec("WebApp02")))
    lease = answer[0][1]
    equal([n for n, _ in answer], [1, 2, 2])
    equal([os.path.basename(p) for _, p in answer[1:]], ["WebApp01", "WebApp02"])
    with open(answer[1][1] + "/krb5cc", "rb") as f:
        equal(f.read(2), b"\x05\x04")
    deleted = call("DeleteKerberosLease", (1, lease))
    equal(deleted[0], (1, lease))
    equal([p for _, p in deleted[1:]], [p + "/krb5cc" for _, p in answer[1:]])
    equal(call("DeleteKerberosLease", (1, lease)), [(1, lease)])


def test_domainless():
    """as a user of the domain, and renewal"""
    user = ("svc", "hunter22", "contoso.com")
    answer = call("AddNonDomainJoinedKerberosLease", (1, spec("WebApp01")), *zip((2, 3, 4), user))
    assert answer[1][1].endswith("/WebApp01"), answer
    equal(call("RenewNonDomainJoinedKerberosLease", *zip((1, 2, 3), user)), [])
    with open(world.journal) as f:
        assert "hunter22" not in f.read()


def test_errors():
    """statuses and their messages"""
    fails(grpc.StatusCode.INTERNAL, "ERROR: Cannot get gMSA krb ticket", "AddKerberosLease", (1, spec("stranger")))
    fails(grpc.StatusCode.INTERNAL, "ERROR: invalid credentialspec fields", "AddKerberosLease", (1, "{}"))
    fails(grpc.StatusCode.UNIMPLEMENTED, "", "NoSuchMethod")


def test_arns():
    """the daemon fetches specs and users by itself"""
    world.client("secretsmanager").create_secret(Name="gmsa/user", SecretString=USER)
    world.client("s3").put_object(Bucket="specs", Key="one.json", Body=spec("WebApp01"))
    keys = ("AKIA", "secret", "token", "us-west-2")
    answer = channel.unary_unary(SERVICE + "AddKerberosArnLease")(
        message((1, "arn:aws:s3:::specs/one.json#task-1/first"), *zip((2, 3, 4, 5), keys)), timeout=20)
    top = members(answer)
    equal(top[0], (1, "task-1"))
    equal(members(top[1][1].encode())[0], (1, "arn:aws:s3:::specs/one.json"))
    assert members(top[1][1].encode())[1][1].endswith("/krbdir/task-1/first")
    equal(call("RenewKerberosArnLease", *zip((1, 2, 3, 4), keys)), [(1, "successful")])


def test_many_at_once():
    """fifty calls on one connection"""
    stub = channel.unary_unary(SERVICE + "AddKerberosLease")
    futures = [stub.future(message((1, spec("WebApp01"))), timeout=20) for _ in range(50)]
    equal(len({members(f.result())[0][1] for f in futures}), 50)


main(globals(), world)
