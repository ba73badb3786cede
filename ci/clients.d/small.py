"""STS, SSM, Secrets Manager, ECR, EC2's tags and a container's role, called by botocore.

needs: botocore
"""

import base64
import json
import subprocess
import time
import urllib.error
import urllib.request

from world import World, equal, main, refused

ROLE = "arn:aws:iam::123456789012:role/app"
world = World("--control", "aws:tag:Name,value=web", "--control", "aws:tag:stage,value=prod",
              "--control", "aws:parameter:/seeded,value=from-the-command-line",
              "--control", "aws:role:" + ROLE + ",lifetime=1h", fakes=("aws",))
denied = World("--control", "aws:deny:kms:Decrypt", "--control", "aws:deny:ecr:*", "--control", "aws:parameter:/p,value=hidden-value,type=SecureString",
               "--control", "aws:secret:s,value=hidden-value", fakes=("aws",))
ssm, secrets, ecr, sts, ec2 = (world.client(s) for s in ("ssm", "secretsmanager", "ecr", "sts", "ec2"))
denied.operations = world.operations


def test_parameters():
    """ssm: put, get, get many, by path, versions, SecureString, delete"""
    equal(ssm.get_parameter(Name="/seeded")["Parameter"]["Value"], "from-the-command-line")
    equal(ssm.put_parameter(Name="/prod/db/user", Value="app", Type="String")["Version"], 1)
    refused("ParameterAlreadyExists", ssm.put_parameter, Name="/prod/db/user", Value="x", Type="String")
    equal(ssm.put_parameter(Name="/prod/db/user", Value="app2", Type="String", Overwrite=True)["Version"], 2)
    ssm.put_parameter(Name="/prod/db/password", Value="hunter22", Type="SecureString")
    ssm.put_parameter(Name="/prod/list", Value="a,b", Type="StringList")
    r = ssm.get_parameters(Names=["/prod/db/user", "/prod/db/password", "/nothing"], WithDecryption=True)
    equal({p["Name"]: p["Value"] for p in r["Parameters"]}, {"/prod/db/user": "app2", "/prod/db/password": "hunter22"})
    equal(r["InvalidParameters"], ["/nothing"])
    assert ssm.get_parameter(Name="/prod/db/password")["Parameter"]["Value"] != "hunter22"
    arn = ssm.get_parameter(Name="/prod/db/user")["Parameter"]["ARN"]
    equal(arn, "arn:aws:ssm:us-west-2:123456789012:parameter/prod/db/user")
    equal(ssm.get_parameter(Name=arn)["Parameter"]["Version"], 2)
    refused("ParameterNotFound", ssm.get_parameter, Name="/prod/db/user:1")
    equal([p["Name"] for p in ssm.get_parameters_by_path(Path="/prod")["Parameters"]], ["/prod/list"])
    equal(len(ssm.get_parameters_by_path(Path="/prod", Recursive=True)["Parameters"]), 3)
    equal(len(ssm.describe_parameters()["Parameters"]), 4)
    ssm.put_parameter(Name="described", Value="x", Type="String", Description="what it is")
    def named(*filters, **more):
        return sorted(p["Name"] for p in ssm.describe_parameters(ParameterFilters=list(filters), **more)["Parameters"])
    equal(named({"Key": "Name", "Values": ["described"]}), ["described"])
    equal(named({"Key": "Name", "Option": "BeginsWith", "Values": ["/prod/db"]}), ["/prod/db/password", "/prod/db/user"])
    equal(named({"Key": "Name", "Option": "Contains", "Values": ["seed", "list"]}), ["/prod/list", "/seeded"])
    equal(named({"Key": "Path", "Values": ["/prod"]}), ["/prod/list"])
    equal(named({"Key": "Path", "Option": "Recursive", "Values": ["/prod"]}, {"Key": "Type", "Values": ["SecureString"]}), ["/prod/db/password"])
    equal(ssm.describe_parameters(Filters=[{"Key": "Name", "Values": ["desc"]}])["Parameters"][0]["Description"], "what it is")
    refused("InvalidFilterKey", ssm.describe_parameters, ParameterFilters=[{"Key": "KeyId", "Values": ["x"]}])
    equal(len(ssm.get_parameters_by_path(Path="/prod", Recursive=True, ParameterFilters=[{"Key": "Type", "Values": ["String"]}])["Parameters"]), 1)
    r = ssm.delete_parameters(Names=["described", "nothing"])
    equal((r["DeletedParameters"], r["InvalidParameters"]), (["described"], ["nothing"]))
    ssm.delete_parameter(Name="/prod/list")
    refused("ParameterNotFound", ssm.delete_parameter, Name="/prod/list")
    refused("ValidationException", ssm.get_parameters, Names=["n%d" % i for i in range(11)])


def test_secrets():
    """secretsmanager: create, versions and stages, binary, delete"""
    s = secrets.create_secret(Name="prod/db", SecretString='{"user":"app"}', Description="of the database")
    assert s["ARN"].startswith("arn:aws:secretsmanager:us-west-2:123456789012:secret:prod/db-"), s["ARN"]
    equal(secrets.get_secret_value(SecretId="prod/db")["SecretString"], '{"user":"app"}')
    equal(secrets.get_secret_value(SecretId=s["ARN"])["VersionStages"], ["AWSCURRENT"])
    equal(secrets.get_secret_value(SecretId=s["ARN"][:-7])["Name"], "prod/db")
    new = secrets.put_secret_value(SecretId="prod/db", SecretString="second")
    equal(new["VersionStages"], ["AWSCURRENT"])
    equal(secrets.get_secret_value(SecretId="prod/db", VersionStage="AWSPREVIOUS")["SecretString"], '{"user":"app"}')
    equal(secrets.get_secret_value(SecretId="prod/db", VersionId=s["VersionId"])["VersionStages"], ["AWSPREVIOUS"])
    equal(secrets.describe_secret(SecretId="prod/db")["VersionIdsToStages"][new["VersionId"]], ["AWSCURRENT"])
    token = "0123456789abcdef0123456789abcdef" # a call that is repeated makes no second version
    for _ in range(2):
        equal(secrets.put_secret_value(SecretId="prod/db", SecretString="third", ClientRequestToken=token)["VersionId"], token)
    refused("ResourceExistsException", secrets.put_secret_value, "already in use", SecretId="prod/db", SecretString="fourth", ClientRequestToken=token)
    equal(secrets.get_secret_value(SecretId="prod/db", VersionStage="AWSPREVIOUS")["SecretString"], "second")
    secrets.update_secret(SecretId="prod/db", Description="of all databases", SecretString="fifth")
    equal((secrets.get_secret_value(SecretId="prod/db")["SecretString"], secrets.describe_secret(SecretId="prod/db")["Description"]),
          ("fifth", "of all databases"))
    secrets.create_secret(Name="tagged", SecretString="x", Tags=[{"Key": "who", "Value": "me"}])
    equal(secrets.describe_secret(SecretId="tagged")["Tags"], [{"Key": "who", "Value": "me"}])
    for key, values, names in (("name", ["prod"], ["prod/db"]), ("name", ["!prod"], ["tagged"]), ("description", ["DATA"], ["prod/db"]),
                               ("tag-key", ["who"], ["tagged"]), ("tag-value", ["you"], []), ("all", ["me", "prod"], ["prod/db", "tagged"])):
        equal(sorted(x["Name"] for x in secrets.list_secrets(Filters=[{"Key": key, "Values": values}])["SecretList"]), names)
    secrets.delete_secret(SecretId="tagged", ForceDeleteWithoutRecovery=True)
    refused("ResourceNotFoundException", secrets.restore_secret, SecretId="tagged")
    secrets.create_secret(Name="binary", SecretBinary=b"\x00\xff")
    equal(secrets.get_secret_value(SecretId="binary")["SecretBinary"], b"\x00\xff")
    equal(len(secrets.list_secrets()["SecretList"]), 2)
    refused("ResourceExistsException", secrets.create_secret, Name="binary", SecretString="x")
    refused("ResourceNotFoundException", secrets.get_secret_value, "can't find the specified secret.", SecretId="nothing")
    refused("ResourceNotFoundException", secrets.get_secret_value, "staging label: OTHER", SecretId="binary", VersionStage="OTHER")
    gone = secrets.delete_secret(SecretId="binary", RecoveryWindowInDays=7)["DeletionDate"]
    assert 6.9 < (gone.timestamp() - time.time()) / 86400 < 7.1, gone
    refused("InvalidRequestException", secrets.get_secret_value, "marked for deletion", SecretId="binary")
    refused("InvalidRequestException", secrets.create_secret, "already scheduled for deletion", Name="binary", SecretString="x")
    equal(len(secrets.list_secrets()["SecretList"]), 1)
    equal(len(secrets.list_secrets(Filters=[{"Key": "name", "Values": ["bin"]}])["SecretList"]), 0)
    secrets.restore_secret(SecretId="binary")
    equal(secrets.get_secret_value(SecretId="binary")["SecretBinary"], b"\x00\xff")
    refused("InvalidParameterException", secrets.delete_secret, "between 7 and 30", SecretId="binary", RecoveryWindowInDays=6)


def test_no_key():
    """a key of KMS that may not be used: parameters and secrets are not read"""
    refused("AccessDeniedException", denied.client("ssm").get_parameters, "customer master key", Names=["/p"], WithDecryption=True)
    equal(denied.client("ssm").get_parameters(Names=["/p"])["InvalidParameters"], [])
    refused("AccessDeniedException", denied.client("secretsmanager").get_secret_value, "Access to KMS is not allowed", SecretId="s")
    assert "hidden-value" not in open(denied.journal).read()


def test_registry():
    """ecr: the token, repositories, images"""
    token = ecr.get_authorization_token()["authorizationData"][0]
    equal(base64.b64decode(token["authorizationToken"])[:4], b"AWS:")
    equal(token["proxyEndpoint"], "https://123456789012.dkr.ecr.us-west-2.amazonaws.com")
    equal(round((token["expiresAt"].timestamp() - time.time()) / 3600), 12)
    r = ecr.create_repository(repositoryName="app/web")["repository"]
    equal(r["repositoryUri"], "123456789012.dkr.ecr.us-west-2.amazonaws.com/app/web")
    refused("RepositoryAlreadyExistsException", ecr.create_repository, repositoryName="app/web")
    image = ecr.put_image(repositoryName="app/web", imageManifest='{"schemaVersion":2}', imageTag="v1")["image"]
    got = ecr.batch_get_image(repositoryName="app/web", imageIds=[{"imageTag": "v1"}, {"imageTag": "v2"}])
    equal(got["images"][0]["imageId"]["imageDigest"], image["imageId"]["imageDigest"])
    equal(got["failures"][0]["failureCode"], "ImageNotFound")
    equal(ecr.list_images(repositoryName="app/web")["imageIds"][0]["imageTag"], "v1")
    equal(ecr.describe_images(repositoryName="app/web")["imageDetails"][0]["imageTags"], ["v1"])
    equal(len(ecr.describe_repositories()["repositories"]), 1)
    refused("RepositoryNotFoundException", ecr.batch_get_image, "The repository with name 'other' does not exist",
            repositoryName="other", imageIds=[{"imageTag": "v1"}])
    refused("AccessDeniedException", denied.client("ecr").get_authorization_token,
            "not authorized to perform: ecr:GetAuthorizationToken on resource: *")
    refused("RepositoryNotEmptyException", ecr.delete_repository, repositoryName="app/web")
    ecr.delete_repository(repositoryName="app/web", force=True)


def test_roles():
    """sts: who am I, a role's credentials sign and expire with it"""
    me = sts.get_caller_identity()
    equal((me["Account"], me["Arn"]), ("123456789012", "arn:aws:iam::123456789012:user/ecsim"))
    r = sts.assume_role(RoleArn=ROLE, RoleSessionName="here", DurationSeconds=900)
    k = r["Credentials"]
    equal(r["AssumedRoleUser"]["Arn"], "arn:aws:sts::123456789012:assumed-role/app/here")
    as_role = world.client("sts", key=k["AccessKeyId"], secret=k["SecretAccessKey"], token=k["SessionToken"])
    equal(as_role.get_caller_identity()["Arn"], "arn:aws:sts::123456789012:assumed-role/app/here")
    no_token = world.client("sts", key=k["AccessKeyId"], secret=k["SecretAccessKey"], token=None)
    refused("InvalidClientTokenId", no_token.get_caller_identity)
    refused("ValidationError", sts.assume_role, RoleArn="x" * 20, RoleSessionName="here")
    sts.get_session_token()


def test_container_role():
    """the endpoint of a container's role hands out credentials that sign"""
    k = json.load(urllib.request.urlopen(world.env["ECSIM_AWS_URL"] + "/v2/credentials/some-id"))
    equal(set(k), {"RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"})
    role = world.client("sts", key=k["AccessKeyId"], secret=k["SecretAccessKey"], token=k["Token"])
    equal(role.get_caller_identity()["Arn"], "arn:aws:sts::123456789012:assumed-role/app/container")
    try:
        urllib.request.urlopen(denied.env["ECSIM_AWS_URL"] + "/v2/credentials/some-id")
        raise AssertionError("credentials without a role")
    except urllib.error.HTTPError as e:
        equal((e.code, json.load(e)["code"]), (404, "InvalidIdInRequest"))


def test_tags():
    """ec2: tags of the instance, filtered"""
    equal(len(ec2.describe_tags()["Tags"]), 2)
    r = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["sta*"]}, {"Name": "resource-type", "Values": ["instance"]}])
    equal([t["Value"] for t in r["Tags"]], ["prod"])
    equal(ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": ["i-other"]}])["Tags"], [])


def test_signatures():
    """a wrong secret, region or key is refused as each protocol does it, and nothing changes"""
    before = len(ssm.describe_parameters()["Parameters"])
    bad = dict(secret="wrong")
    refused("InvalidSignatureException", world.client("ssm", **bad).put_parameter, Name="x", Value="y", Type="String")
    refused("SignatureDoesNotMatch", world.client("sts", **bad).get_caller_identity)
    refused("AuthFailure", world.client("ec2", **bad).describe_tags)
    refused("UnrecognizedClientException", world.client("secretsmanager", key="AKIANOBODY0000000000").list_secrets)
    refused("InvalidClientTokenId", world.client("sts", key="AKIANOBODY0000000000").get_caller_identity)
    refused("InvalidSignatureException", world.client("ecr", region="eu-west-1").describe_repositories)
    equal(len(ssm.describe_parameters()["Parameters"]), before)


def test_all_checked():
    """every operation that is offered was answered and held against its model"""
    denied.close()
    denied.remove()
    offered = {tuple(line.split()[:2]) for line in subprocess.run([world.ecsim, "operations"], capture_output=True, text=True,
                                                                  check=True).stdout.splitlines()}
    mine = {o for o in offered if o[0] in ("ssm", "secretsmanager", "ecr", "sts", "ec2")}
    equal(mine - set(world.operations), set())


main(globals(), world)
