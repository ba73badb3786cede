"""S3's REST interface, called by botocore, each operation held against the model.

needs: botocore
"""

import base64
import hashlib
import socket
import subprocess
import urllib.error
import urllib.request

from world import World, equal, main, refused

world = World("--control", "s3:bucket:kms,encryption=aws:kms", fakes=("s3",))
s3 = world.client("s3", s3={"addressing_style": "path"}, signature_version="s3v4")
MIB = 1 << 20


def test_buckets():
    """buckets: create, head, list, location, delete, names that are none"""
    s3.create_bucket(Bucket="first", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.head_bucket(Bucket="first")
    equal({b["Name"] for b in s3.list_buckets()["Buckets"]}, {"first", "kms"})
    equal(s3.get_bucket_location(Bucket="first")["LocationConstraint"], "us-west-2")
    s3.create_bucket(Bucket="gone", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    s3.delete_bucket(Bucket="gone")
    refused("404", s3.head_bucket, Bucket="gone")
    refused("NoSuchBucket", s3.list_objects_v2, Bucket="gone")
    refused("BucketAlreadyOwnedByYou", s3.create_bucket, Bucket="first", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})


def test_objects():
    """objects: put, get, head, ranges, conditions, metadata, copy, delete"""
    etag = s3.put_object(Bucket="first", Key="a/b c+d", Body=b"hello", ContentType="text/plain", Metadata={"who": "me"})["ETag"]
    equal(etag, '"%s"' % hashlib.md5(b"hello").hexdigest())
    o = s3.get_object(Bucket="first", Key="a/b c+d")
    equal((o["Body"].read(), o["ContentType"], o["Metadata"]), (b"hello", "text/plain", {"who": "me"}))
    equal(s3.get_object(Bucket="first", Key="a/b c+d", Range="bytes=1-2")["Body"].read(), b"el")
    equal(s3.head_object(Bucket="first", Key="a/b c+d")["ContentLength"], 5)
    refused("InvalidRange", s3.get_object, Bucket="first", Key="a/b c+d", Range="bytes=9-")
    refused("304", s3.get_object, Bucket="first", Key="a/b c+d", IfNoneMatch=etag)
    refused("PreconditionFailed", s3.get_object, Bucket="first", Key="a/b c+d", IfMatch='"0"')
    refused("NoSuchKey", s3.get_object, Bucket="first", Key="nothing")
    refused("BadDigest", s3.put_object, Bucket="first", Key="x", Body=b"a", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    refused("NoSuchKey", s3.get_object, Bucket="first", Key="x")
    equal(s3.copy_object(Bucket="first", Key="copy", CopySource="first/a/b c+d")["CopyObjectResult"]["ETag"], etag)
    s3.delete_object(Bucket="first", Key="copy")
    for checksum in ("CRC32", "SHA1", "SHA256"):
        r = s3.put_object(Bucket="first", Key="sum", Body=b"hello", ChecksumAlgorithm=checksum)
        assert r["Checksum" + checksum]
        equal(s3.get_object(Bucket="first", Key="sum", ChecksumMode="ENABLED")["Checksum" + checksum], r["Checksum" + checksum])


def test_lists():
    """lists, both versions: prefix, delimiter, pages; delete many"""
    for i in range(7):
        s3.put_object(Bucket="first", Key="l/%d/x" % i, Body=b"")
    equal([p["Prefix"] for p in s3.list_objects_v2(Bucket="first", Prefix="l/", Delimiter="/")["CommonPrefixes"]],
          ["l/%d/" % i for i in range(7)])
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="first", Prefix="l/", PaginationConfig={"PageSize": 3}))
    equal([len(p["Contents"]) for p in pages], [3, 3, 1])
    pages = list(s3.get_paginator("list_objects").paginate(Bucket="first", Prefix="l/", PaginationConfig={"PageSize": 4}))
    equal([len(p["Contents"]) for p in pages], [4, 3])
    d = s3.delete_objects(Bucket="first", Delete={"Objects": [{"Key": "l/%d/x" % i} for i in range(7)]})
    equal(len(d["Deleted"]), 7)
    equal(s3.list_objects_v2(Bucket="first", Prefix="l/")["KeyCount"], 0)


def test_multipart():
    """multipart: parts, copies of parts, list, complete, abort"""
    part = bytes(range(256)) * (5 * MIB // 256)
    u = s3.create_multipart_upload(Bucket="first", Key="big")["UploadId"]
    one = s3.upload_part(Bucket="first", Key="big", UploadId=u, PartNumber=1, Body=part)["ETag"]
    s3.put_object(Bucket="first", Key="source", Body=part)
    two = s3.upload_part_copy(Bucket="first", Key="big", UploadId=u, PartNumber=2, CopySource="first/source")["CopyPartResult"]["ETag"]
    equal(one, two)
    equal(len(s3.list_parts(Bucket="first", Key="big", UploadId=u)["Parts"]), 2)
    equal(s3.list_multipart_uploads(Bucket="first")["Uploads"][0]["Key"], "big")
    etag = s3.complete_multipart_upload(Bucket="first", Key="big", UploadId=u, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": one}, {"PartNumber": 2, "ETag": two}]})["ETag"]
    equal(etag, '"%s-2"' % hashlib.md5(hashlib.md5(part).digest() * 2).hexdigest())
    equal(s3.head_object(Bucket="first", Key="big")["ContentLength"], 10 * MIB)
    u = s3.create_multipart_upload(Bucket="first", Key="other")["UploadId"]
    refused("InvalidPart", s3.complete_multipart_upload, Bucket="first", Key="other", UploadId=u,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": one}]})
    s3.abort_multipart_upload(Bucket="first", Key="other", UploadId=u)
    refused("NoSuchUpload", s3.list_parts, Bucket="first", Key="other", UploadId=u)


def test_part_checksums():
    """multipart: checksums of parts, of the whole and of checksums; parts by number; attributes"""
    part = b"x" * (5 * MIB)
    u = s3.create_multipart_upload(Bucket="first", Key="sums", ChecksumAlgorithm="SHA256")
    equal(u["ChecksumAlgorithm"], "SHA256")
    named = dict(Bucket="first", Key="sums", UploadId=u["UploadId"])
    parts = []
    for number, body in enumerate((part, b"end"), 1):
        p = s3.upload_part(PartNumber=number, Body=body, ChecksumAlgorithm="SHA256", **named)
        equal(p["ChecksumSHA256"], base64.b64encode(hashlib.sha256(body).digest()).decode())
        parts.append({"PartNumber": number, "ETag": p["ETag"], "ChecksumSHA256": p["ChecksumSHA256"]})
    refused("InvalidRequest", s3.upload_part, "Checksum Type mismatch occurred", PartNumber=3, Body=b"", ChecksumAlgorithm="SHA1", **named)
    equal(s3.list_parts(**named)["Parts"][1]["ChecksumSHA256"], parts[1]["ChecksumSHA256"])
    refused("InvalidRequest", s3.complete_multipart_upload, "missing for part 1", MultipartUpload={
        "Parts": [{k: v for k, v in p.items() if k != "ChecksumSHA256"} for p in parts]}, **named)
    refused("BadDigest", s3.complete_multipart_upload, ChecksumSHA256=parts[0]["ChecksumSHA256"], MultipartUpload={"Parts": parts}, **named)
    sums = b"".join(hashlib.sha256(b).digest() for b in (part, b"end"))
    want = base64.b64encode(hashlib.sha256(sums).digest()).decode() + "-2"
    for _ in range(2): # the second is told the same: an answer may get lost
        equal(s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **named)["ChecksumSHA256"], want)
    equal(s3.head_object(Bucket="first", Key="sums", ChecksumMode="ENABLED")["ChecksumSHA256"], want)
    o = s3.get_object(Bucket="first", Key="sums", PartNumber=2)
    equal((o["Body"].read(), o["PartsCount"], o["ContentRange"]), (b"end", 2, "bytes %d-%d/%d" % (5 * MIB, 5 * MIB + 2, 5 * MIB + 3)))
    refused("InvalidPartNumber", s3.get_object, Bucket="first", Key="sums", PartNumber=3)
    a = s3.get_object_attributes(Bucket="first", Key="sums", ObjectAttributes=["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"])
    equal((a["Checksum"]["ChecksumSHA256"], a["ObjectSize"], a["ObjectParts"]["TotalPartsCount"]), (want, 5 * MIB + 3, 2))
    equal([p["Size"] for p in a["ObjectParts"]["Parts"]], [5 * MIB, 3])
    u = s3.create_multipart_upload(Bucket="first", Key="none")["UploadId"] # as newer SDKs do it: no algorithm, and CRC32
    s3.upload_part(Bucket="first", Key="none", UploadId=u, PartNumber=1, Body=b"a", ChecksumAlgorithm="CRC32")
    s3.abort_multipart_upload(Bucket="first", Key="none", UploadId=u)


def test_versions():
    """versions of a bucket without: one of each key, its id is null"""
    s3.put_object(Bucket="first", Key="v/1", Body=b"a")
    s3.put_object(Bucket="first", Key="v/2/x", Body=b"a")
    v = s3.list_object_versions(Bucket="first", Prefix="v/", Delimiter="/")
    equal([(o["Key"], o["VersionId"], o["IsLatest"]) for o in v["Versions"]], [("v/1", "null", True)])
    equal(v["CommonPrefixes"], [{"Prefix": "v/2/"}])
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket="first", Prefix="v/", PaginationConfig={"PageSize": 1}))
    equal([p["Versions"][0]["Key"] for p in pages], ["v/1", "v/2/x"])
    equal(s3.get_object(Bucket="first", Key="v/1", VersionId="null")["Body"].read(), b"a")
    refused("NoSuchVersion", s3.get_object, Bucket="first", Key="v/1", VersionId="a" * 32)
    refused("InvalidArgument", s3.get_object, "Invalid version id", Bucket="first", Key="v/1", VersionId="b")
    s3.delete_object(Bucket="first", Key="v/1", VersionId="a" * 32) # which is not there, and so it is gone
    d = s3.delete_objects(Bucket="first", Delete={"Objects": [{"Key": "v/1", "VersionId": "null"}, {"Key": "v/2/x", "VersionId": "b"}]})
    equal((d["Deleted"], d["Errors"][0]["Code"]), ([{"Key": "v/1", "VersionId": "null"}], "NoSuchVersion"))
    refused("404", s3.head_object, Bucket="first", Key="v/1")


def test_tags():
    """tags: with the object, set, of a copy, counted, refused; of a bucket"""
    s3.put_object(Bucket="first", Key="tagged", Body=b"a", Tagging="who=me&what=a%20b")
    tags = [{"Key": "what", "Value": "a b"}, {"Key": "who", "Value": "me"}]
    equal(s3.get_object_tagging(Bucket="first", Key="tagged")["TagSet"], tags)
    assert s3.get_object(Bucket="first", Key="tagged")["ResponseMetadata"]["HTTPHeaders"]["x-amz-tagging-count"] == "2"
    s3.copy_object(Bucket="first", Key="tagged2", CopySource="first/tagged")
    equal(s3.get_object_tagging(Bucket="first", Key="tagged2")["TagSet"], tags)
    s3.copy_object(Bucket="first", Key="tagged2", CopySource="first/tagged", TaggingDirective="REPLACE", Tagging="x=y")
    equal(s3.get_object_tagging(Bucket="first", Key="tagged2")["TagSet"], [{"Key": "x", "Value": "y"}])
    s3.put_object_tagging(Bucket="first", Key="tagged", Tagging={"TagSet": tags[:1]})
    equal(s3.get_object_tagging(Bucket="first", Key="tagged")["TagSet"], tags[:1])
    refused("BadRequest", s3.put_object_tagging, "Object tags cannot be greater than 10", Bucket="first", Key="tagged",
            Tagging={"TagSet": [{"Key": str(i), "Value": ""} for i in range(11)]})
    refused("InvalidTag", s3.put_object_tagging, Bucket="first", Key="tagged", Tagging={"TagSet": [{"Key": "a" * 129, "Value": ""}]})
    s3.delete_object_tagging(Bucket="first", Key="tagged")
    equal(s3.get_object_tagging(Bucket="first", Key="tagged")["TagSet"], [])
    s3.put_bucket_tagging(Bucket="first", Tagging={"TagSet": tags})
    equal(s3.get_bucket_tagging(Bucket="first")["TagSet"], tags)
    s3.delete_bucket_tagging(Bucket="first")
    refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket="first")


def test_not_offered():
    """lists of who may, keys of the customer, other owners, browsers: refused, nothing is kept"""
    refused("AccessControlListNotSupported", s3.put_object, Bucket="first", Key="acl", Body=b"", ACL="public-read")
    for acl in ("private", "bucket-owner-full-control"): # rclone says the first with each object
        s3.put_object(Bucket="first", Key="owner", Body=b"", ACL=acl, ExpectedBucketOwner="123456789012")
    refused("AccessDenied", s3.put_object, Bucket="first", Key="acl", Body=b"", ExpectedBucketOwner="999999999999")
    refused("AccessControlListNotSupported", s3.put_bucket_acl, Bucket="first", ACL="public-read")
    refused("AccessControlListNotSupported", s3.put_object_acl, Bucket="first", Key="owner", ACL="private")
    refused("InvalidBucketAclWithObjectOwnership", s3.create_bucket, Bucket="open", ACL="public-read",
            CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    refused("NoSuchBucket", s3.list_objects_v2, Bucket="open")
    for name in ("policy", "lifecycle_configuration", "cors", "website", "logging"):
        arguments = {"policy": {"Policy": "{}"},
                     "lifecycle_configuration": {"LifecycleConfiguration": {"Rules": []}}, "cors": {"CORSConfiguration": {"CORSRules": []}},
                     "website": {"WebsiteConfiguration": {}},
                     "logging": {"BucketLoggingStatus": {}}}[name]
        refused("NotImplemented", getattr(s3, "put_bucket_" + name), Bucket="first", **arguments)
    refused("404", s3.head_object, Bucket="first", Key="acl")
    request = urllib.request.Request(world.env["ECSIM_S3_URL"] + "/first/owner", method="OPTIONS",
                                     headers={"Origin": "http://a", "Access-Control-Request-Method": "GET"})
    try:
        urllib.request.urlopen(request)
        raise AssertionError("a browser of elsewhere may")
    except urllib.error.HTTPError as e:
        assert e.code == 403 and b"CORS is not enabled" in e.read(), e


def test_encryption():
    """keys of KMS: said in every answer, and the ETag is no MD5"""
    r = s3.put_object(Bucket="kms", Key="k", Body=b"hello")
    equal(r["ServerSideEncryption"], "aws:kms")
    assert r["SSEKMSKeyId"].startswith("arn:aws:kms:us-west-2:123456789012:key/")
    assert r["ETag"] != '"%s"' % hashlib.md5(b"hello").hexdigest()
    equal(s3.get_object(Bucket="kms", Key="k")["ETag"], r["ETag"])
    equal(s3.put_object(Bucket="first", Key="k", Body=b"hello", ServerSideEncryption="aws:kms")["ServerSideEncryption"], "aws:kms")
    equal(s3.put_object(Bucket="kms", Key="k", Body=b"hello", ServerSideEncryption="AES256")["ServerSideEncryption"], "AES256")
    equal(s3.copy_object(Bucket="first", Key="plain", CopySource="kms/k")["CopyObjectResult"]["ETag"],
          '"%s"' % hashlib.md5(b"hello").hexdigest())
    s3.put_object(Bucket="kms", Key="p", Body=b"")
    refused("BadDigest", s3.put_object, Bucket="kms", Key="k", Body=b"a", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    rule = s3.get_bucket_encryption(Bucket="kms")["ServerSideEncryptionConfiguration"]["Rules"][0]
    equal(rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "aws:kms")
    equal(s3.get_bucket_encryption(Bucket="first")["ServerSideEncryptionConfiguration"]["Rules"][0]
          ["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "AES256")


def test_bucket_encryption():
    """the default encryption of a bucket: set, used, taken away"""
    def rules(algorithm):
        return {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}]}
    s3.put_bucket_encryption(Bucket="first", ServerSideEncryptionConfiguration=rules("aws:kms"))
    equal(s3.put_object(Bucket="first", Key="k", Body=b"")["ServerSideEncryption"], "aws:kms")
    s3.delete_bucket_encryption(Bucket="first")
    equal(s3.put_object(Bucket="first", Key="k", Body=b"")["ServerSideEncryption"], "AES256")
    refused("MalformedXML", s3.put_bucket_encryption, Bucket="first", ServerSideEncryptionConfiguration={"Rules": []})
    refused("NotImplemented", s3.put_object, Bucket="first", Key="ssec", Body=b"", SSECustomerKey="a" * 32, SSECustomerAlgorithm="AES256")


def test_configurations():
    """what nobody configured is answered as it is for a new bucket"""
    for name, error in [("accelerate_configuration", None), ("acl", None), ("cors", "NoSuchCORSConfiguration"),
                        ("lifecycle_configuration", "NoSuchLifecycleConfiguration"), ("logging", None),
                        ("notification_configuration", None), ("ownership_controls", None), ("policy", "NoSuchBucketPolicy"),
                        ("replication", "ReplicationConfigurationNotFoundError"), ("request_payment", None),
                        ("tagging", "NoSuchTagSet"), ("versioning", None), ("website", "NoSuchWebsiteConfiguration")]:
        call = getattr(s3, "get_bucket_" + name)
        if error:
            refused(error, call, Bucket="first")
        else:
            call(Bucket="first")
    refused("ObjectLockConfigurationNotFoundError", s3.get_object_lock_configuration, Bucket="first")
    s3.get_public_access_block(Bucket="first")
    s3.get_object_acl(Bucket="first", Key="source")
    s3.get_object_tagging(Bucket="first", Key="source")


def test_presigned():
    """presigned: GET and PUT without a key at hand"""
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "first", "Key": "p"}, ExpiresIn=60)
    urllib.request.urlopen(urllib.request.Request(url, data=b"by url", method="PUT")).read()
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "first", "Key": "p", "ResponseContentType": "x/y"}, ExpiresIn=60)
    with urllib.request.urlopen(url) as r:
        equal((r.read(), r.headers["Content-Type"]), (b"by url", "x/y"))


def test_presigned_2():
    """presigned with version 2, as botocore does it in the oldest regions when nobody says otherwise"""
    old = world.client("s3", s3={"addressing_style": "path"}, signature_version="s3")
    url = old.generate_presigned_url("put_object", Params={"Bucket": "first", "Key": "p 2", "ContentType": "text/x", "Metadata": {"a": "b"}}, ExpiresIn=60)
    assert "Signature=" in url and "X-Amz" not in url, url
    urllib.request.urlopen(urllib.request.Request(url, data=b"by url", method="PUT", headers={
        "Content-Type": "text/x", "x-amz-meta-a": "b"})).read()
    url = old.generate_presigned_url("get_object", Params={"Bucket": "first", "Key": "p 2", "ResponseContentType": "x/y", "VersionId": "null"}, ExpiresIn=60)
    with urllib.request.urlopen(url) as r:
        equal((r.read(), r.headers["Content-Type"], r.headers["x-amz-meta-a"]), (b"by url", "x/y", "b"))
    for wrong, code in ((url.replace("p%202", "tagged"), b"SignatureDoesNotMatch"),
                        (old.generate_presigned_url("get_object", Params={"Bucket": "kms", "Key": "p"}, ExpiresIn=60), b"Signature Version 4."),
                        (old.generate_presigned_url("get_object", Params={"Bucket": "first", "Key": "p 2"}, ExpiresIn=-1), b"Request has expired")):
        try:
            urllib.request.urlopen(wrong)
            raise AssertionError("taken: " + wrong)
        except urllib.error.HTTPError as e:
            body = e.read()
            assert code in body, body


def test_virtual_host():
    """virtual-host style"""
    url = world.env["ECSIM_S3_URL"].replace("127.0.0.1", "localhost")
    real = socket.getaddrinfo # not every resolver knows that names below localhost are this host

    def resolve(host, *rest, **more):
        return real("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more)

    socket.getaddrinfo = resolve
    v = world.client("s3", url=url, s3={"addressing_style": "virtual"})
    equal(v.get_object(Bucket="first", Key="plain")["Body"].read(), b"hello")
    old = world.client("s3", url=url, s3={"addressing_style": "virtual"}, signature_version="s3")
    with urllib.request.urlopen(old.generate_presigned_url("get_object", Params={"Bucket": "first", "Key": "plain"})) as r:
        equal(r.read(), b"hello")


# Nobody can configure these here, so that they are not (or that they cannot be) is all that is ever answered; and checked above.
# What s3_versions.py answers for.
ELSEWHERE = {"PutBucketVersioning"}
NEVER_THERE = {"GetBucketCors", "GetBucketLifecycleConfiguration", "GetBucketPolicy", "GetBucketReplication",
               "GetBucketWebsite", "GetObjectLockConfiguration", "PutBucketAcl", "PutObjectAcl"}


def test_all_checked():
    """every operation that is offered was answered and held against the model"""
    offered = {line.split()[1] for line in subprocess.run([world.ecsim, "operations"], capture_output=True, text=True,
                                                          check=True).stdout.splitlines() if line.startswith("s3 ")}
    equal(offered - {name for service, name in world.operations if service == "s3"}, NEVER_THERE | ELSEWHERE)


main(globals(), world)
