"""Versions of objects in S3, called by botocore, each answer held against the model.

needs: botocore
"""

from world import World, equal, main, refused

world = World(fakes=("s3",))
s3 = world.client("s3", s3={"addressing_style": "path"}, signature_version="s3v4")


def bucket(name, status="Enabled"):
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    if status:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})


def put(name, key, body):
    return s3.put_object(Bucket=name, Key=key, Body=body).get("VersionId")


def read(name, key, **more):
    return s3.get_object(Bucket=name, Key=key, **more)["Body"].read()


def listed(name, **more):
    """(key, id, newest?, marker?) of each, newest first."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=name, **more)
    found = [(v["Key"], v["VersionId"], v["IsLatest"], kind == "DeleteMarkers")
             for page in pages for kind in ("Versions", "DeleteMarkers") for v in page.get(kind, [])]
    return sorted(found, key=lambda v: v[0])


def test_status():
    """versioning: never, enabled, suspended; what is none is refused"""
    bucket("status", None)
    equal("Status" in s3.get_bucket_versioning(Bucket="status"), False)
    equal(put("status", "a", b"1"), None)
    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket="status", VersioningConfiguration={"Status": status})
        equal(s3.get_bucket_versioning(Bucket="status")["Status"], status)
    refused("MalformedXML", s3.put_bucket_versioning, Bucket="status", VersioningConfiguration={"Status": "Disabled"})
    refused("IllegalVersioningConfigurationException", s3.put_bucket_versioning, Bucket="status", VersioningConfiguration={})
    equal(s3.get_bucket_versioning(Bucket="status")["Status"], "Suspended")


def test_versions():
    """versions: each can be read, copied, tagged, and deleted on its own"""
    bucket("versions")
    ids = [put("versions", "a", body) for body in (b"one", b"two", b"three")]
    equal(len(set(ids)), 3)
    equal(read("versions", "a"), b"three")
    equal([read("versions", "a", VersionId=i) for i in ids], [b"one", b"two", b"three"])
    equal(s3.head_object(Bucket="versions", Key="a", VersionId=ids[0])["VersionId"], ids[0])
    equal([(v[1], v[2]) for v in listed("versions")], [(ids[2], True), (ids[1], False), (ids[0], False)])
    equal(len(s3.list_objects_v2(Bucket="versions")["Contents"]), 1)
    source = {"Bucket": "versions", "Key": "a", "VersionId": ids[0]}
    copy = s3.copy_object(Bucket="versions", Key="a", CopySource=source)  # an older one comes back
    equal(copy["CopySourceVersionId"], ids[0])
    equal(read("versions", "a"), b"one")
    s3.put_object_tagging(Bucket="versions", Key="a", VersionId=ids[1], Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    equal(s3.get_object_tagging(Bucket="versions", Key="a")["TagSet"], [])
    equal(len(s3.get_object_tagging(Bucket="versions", Key="a", VersionId=ids[1])["TagSet"]), 1)
    s3.delete_object(Bucket="versions", Key="a", VersionId=copy["VersionId"])
    equal(read("versions", "a"), b"three")
    refused("NoSuchVersion", s3.get_object, Bucket="versions", Key="a", VersionId=copy["VersionId"])
    refused("InvalidArgument", s3.get_object, Bucket="versions", Key="a", VersionId="x")
    upload = s3.create_multipart_upload(Bucket="versions", Key="a")["UploadId"]
    etag = s3.upload_part(Bucket="versions", Key="a", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    done = s3.complete_multipart_upload(Bucket="versions", Key="a", UploadId=upload,
                                        MultipartUpload={"Parts": [{"ETag": etag, "PartNumber": 1}]})
    equal(read("versions", "a", VersionId=done["VersionId"]), b"part")


def test_markers():
    """delete markers: the key is gone and its versions are not, until the marker is deleted"""
    bucket("markers")
    first = put("markers", "a", b"one")
    gone = s3.delete_object(Bucket="markers", Key="a")
    equal(gone["DeleteMarker"], True)
    refused("NoSuchKey", s3.get_object, Bucket="markers", Key="a")
    refused("MethodNotAllowed", s3.get_object, Bucket="markers", Key="a", VersionId=gone["VersionId"])
    refused("404", s3.head_object, Bucket="markers", Key="a")
    equal("Contents" in s3.list_objects_v2(Bucket="markers"), False)
    equal({v[1:] for v in listed("markers")}, {(gone["VersionId"], True, True), (first, False, False)})
    equal(read("markers", "a", VersionId=first), b"one")
    refused("BucketNotEmpty", s3.delete_bucket, Bucket="markers")
    back = s3.delete_object(Bucket="markers", Key="a", VersionId=gone["VersionId"])
    equal((back["DeleteMarker"], back["VersionId"]), (True, gone["VersionId"]))
    equal(read("markers", "a"), b"one")
    many = s3.delete_objects(Bucket="markers", Delete={"Objects": [{"Key": "a"}, {"Key": "never"}]})["Deleted"]
    equal([d["DeleteMarker"] for d in many], [True, True])
    objects = [{"Key": v[0], "VersionId": v[1]} for v in listed("markers")]
    equal(len(objects), 3)
    many = s3.delete_objects(Bucket="markers", Delete={"Objects": objects})
    equal((len(many["Deleted"]), "Errors" in many), (3, False))
    s3.delete_bucket(Bucket="markers")


def test_suspended():
    """suspended: one version without an id, beside those that have one"""
    bucket("suspended", None)
    put("suspended", "a", b"before")
    s3.put_bucket_versioning(Bucket="suspended", VersioningConfiguration={"Status": "Enabled"})
    first = put("suspended", "a", b"first")
    equal(read("suspended", "a", VersionId="null"), b"before")
    s3.put_bucket_versioning(Bucket="suspended", VersioningConfiguration={"Status": "Suspended"})
    put("suspended", "a", b"after")
    equal([v[1] for v in listed("suspended")], ["null", first])
    equal(read("suspended", "a", VersionId="null"), b"after")
    equal(s3.delete_object(Bucket="suspended", Key="a")["VersionId"], "null")
    equal({v[1:] for v in listed("suspended")}, {("null", True, True), (first, False, False)})
    refused("NoSuchKey", s3.get_object, Bucket="suspended", Key="a")
    s3.delete_object(Bucket="suspended", Key="a", VersionId="null")
    equal(read("suspended", "a"), b"first")


def test_pages():
    """lists of versions: pages end amid a key's versions, prefixes and delimiters"""
    bucket("pages")
    wanted = []
    for key in ("a", "b/c", "b/d", "e"):
        wanted += [(key, i) for i in reversed([put("pages", key, b"%d" % n) for n in range(3)])]
    for size in (1, 2, 5, 12):
        equal([v[:2] for v in listed("pages", PaginationConfig={"PageSize": size})], wanted)
    page = s3.list_object_versions(Bucket="pages", MaxKeys=4)
    equal((page["NextKeyMarker"], page["NextVersionIdMarker"]), wanted[3])
    equal([v[0] for v in listed("pages", Delimiter="/")], ["a"] * 3 + ["e"] * 3)
    equal([v[0] for v in listed("pages", Prefix="b/")], ["b/c"] * 3 + ["b/d"] * 3)
    equal(s3.list_object_versions(Bucket="pages", KeyMarker="b/d")["Versions"][0]["Key"], "e")
    refused("InvalidArgument", s3.list_object_versions, Bucket="pages", VersionIdMarker="x")


main(globals(), world)
