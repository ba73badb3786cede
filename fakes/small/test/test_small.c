#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/keyring.h"
#include "fakes/core/test/peer.h"
#include "fakes/small/small.h"

static struct world w;
static struct fake *f;

static int begin(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    if (world_init(&w, 1, &e) < 0 || !(f = world_add(&w, &small_ops, &e)))
        return -1;
    w.verify_signatures = false;
    return fake_listen_tcp(f, "127.0.0.1", 0, false, &e);
}

static int end(void **state)
{
    (void)state;
    world_release(&w);
    return 0;
}

/* The whole answer to a request of these parts. */
static char *ask(const char *method, const char *target, const char *headers, const char *body)
{
    char *text = xasprintf("%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%sContent-Length: %zu"
                           "\r\n\r\n%s",
                           method, target, headers, strlen(body), body);
    struct peer p;
    char *got;

    peer_connect(&p, f);
    peer_send(&p, text);
    peer_wait_end(&p);
    got = xstrdup(buf_str(&p.got));
    peer_close(&p);
    free(text);
    return got;
}

static void holds(char *answer, const char *part)
{
    if (!strstr(answer, part))
        fail_msg("not in the answer: %s\n%s", part, answer);
    free(answer);
}

static int tell(const char *command, json_t *args)
{
    struct err e = ERR_INIT;
    int r = f->ops->control(f, command, args, NULL, &e);

    json_decref(args);
    return r;
}

#define JSON_CALL(t) "X-Amz-Target: " t "\r\nContent-Type: application/x-amz-json-1.1\r\n"

static void commands_furnish_the_services(void **state)
{
    (void)state;
    assert_int_equal(tell("parameter", json_pack("{s:s,s:s}", "name", "p", "value", "v1")), 0);
    assert_int_equal(
        tell("parameter", json_pack("{s:s,s:s,s:s}", "name", "p", "value", "v2", "type", "Odd")),
        -1);
    assert_int_equal(tell("secret", json_pack("{s:s,s:s}", "name", "s", "value", "quiet")), 0);
    assert_int_equal(tell("secret", json_pack("{s:s}", "name", "s")), -1);
    assert_int_equal(tell("repository", json_pack("{s:s}", "name", "app")), 0);
    assert_int_equal(tell("dance", json_pack("{s:s}", "name", "x")), -1);
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.GetParameter"), "{\"Name\":\"p\"}"), "\"v1\"");
    holds(ask("POST", "/", JSON_CALL("secretsmanager.GetSecretValue"), "{\"SecretId\":\"s\"}"),
          "\"SecretString\":\"quiet\"");
    holds(ask("POST", "/", JSON_CALL("AmazonEC2ContainerRegistry_V20150921.BatchGetImage"),
              "{\"repositoryName\":\"app\",\"imageIds\":[{\"imageTag\":\"latest\"}]}"),
          "\"failures\":[]");
    world_reset(&w);
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.GetParameter"), "{\"Name\":\"p\"}"),
          "ParameterNotFound");
}

static void what_is_denied_is_denied_until_it_is_allowed(void **state)
{
    (void)state;
    tell("parameter", json_pack("{s:s,s:s}", "name", "p", "value", "v1"));
    assert_int_equal(tell("deny", json_pack("{s:s}", "name", "ssm:Get*")), 0);
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.GetParameter"), "{\"Name\":\"p\"}"),
          "is not authorized to perform: ssm:GetParameter on resource: "
          "arn:aws:ssm:us-west-2:123456789012:parameter/p");
    assert_int_equal(tell("allow", json_pack("{s:s}", "name", "ssm:Get*")), 0);
    assert_int_equal(tell("allow", json_pack("{s:s}", "name", "ssm:Get*")), -1);
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.GetParameter"), "{\"Name\":\"p\"}"), "200 OK");
    tell("deny", json_pack("{s:s}", "name", "sts:AssumeRole"));
    holds(ask("POST", "/", "",
              "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::1:role/r&"
              "RoleSessionName=abc"),
          "<Code>AccessDenied</Code>");
}

#define SECRET(op, body) ask("POST", "/", JSON_CALL("secretsmanager." op), body)
#define TOKEN            "\"ClientRequestToken\":\"0123456789abcdef0123456789abcdef\""

static void a_secret_is_repeated_deleted_and_restored(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        holds(SECRET("CreateSecret", "{\"Name\":\"s\",\"SecretString\":\"a\"," TOKEN "}"),
              "\"VersionId\":\"0123456789abcdef0123456789abcdef\"");
    holds(SECRET("CreateSecret", "{\"Name\":\"s\",\"SecretString\":\"b\"," TOKEN "}"),
          "ResourceExistsException");
    holds(SECRET("CreateSecret", "{\"Name\":\"s\",\"SecretString\":\"b\"}"),
          "ResourceExistsException");
    holds(SECRET("PutSecretValue",
                 "{\"SecretId\":\"s\",\"SecretString\":\"b\",\"ClientRequestToken\":\"short\"}"),
          "InvalidParameterException");
    holds(SECRET("PutSecretValue",
                 "{\"SecretId\":\"s\",\"SecretString\":\"b\",\"VersionStages\":[\"NEXT\"]}"),
          "InvalidParameterException");
    holds(SECRET("UpdateSecret", "{\"SecretId\":\"s\",\"SecretString\":\"c\"}"), "200 OK");
    holds(SECRET("GetSecretValue", "{\"SecretId\":\"s\",\"VersionStage\":\"AWSPREVIOUS\"}"),
          "\"SecretString\":\"a\"");
    holds(SECRET("DeleteSecret", "{\"SecretId\":\"s\",\"RecoveryWindowInDays\":31}"),
          "InvalidParameterException");
    holds(
        SECRET(
            "DeleteSecret",
            "{\"SecretId\":\"s\",\"RecoveryWindowInDays\":7,\"ForceDeleteWithoutRecovery\":true}"),
        "InvalidParameterException");
    holds(SECRET("DeleteSecret", "{\"SecretId\":\"s\"}"), "DeletionDate");
    holds(SECRET("CreateSecret", "{\"Name\":\"s\"}"), "already scheduled for deletion");
    holds(SECRET("ListSecrets", "{}"), "\"SecretList\":[]");
    holds(SECRET("ListSecrets", "{\"Filters\":[{\"Key\":\"owning-service\",\"Values\":[\"x\"]}]}"),
          "InvalidParameterException");
    holds(SECRET("RestoreSecret", "{\"SecretId\":\"s\"}"), "200 OK");
    holds(SECRET("GetSecretValue", "{\"SecretId\":\"s\"}"), "\"SecretString\":\"c\"");
}

static void parameters_are_found_by_filters_and_deleted_together(void **state)
{
    (void)state;
    tell("parameter", json_pack("{s:s,s:s}", "name", "/a/one", "value", "v"));
    tell("parameter", json_pack("{s:s,s:s}", "name", "/a/b/two", "value", "v"));
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.DescribeParameters"),
              "{\"ParameterFilters\":[{\"Key\":\"Name\",\"Values\":[\"/a\"]}]}"),
          "\"Parameters\":[]");
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.DescribeParameters"),
              "{\"ParameterFilters\":[{\"Key\":\"Path\",\"Values\":[\"/a/b\"]}]}"),
          "\"Parameters\":[{\"Name\":\"/a/b/two\"");
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.DescribeParameters"),
              "{\"ParameterFilters\":[{\"Key\":\"Label\",\"Values\":[\"x\"]}]}"),
          "InvalidFilterKey");
    holds(
        ask("POST", "/", JSON_CALL("AmazonSSM.DeleteParameters"), "{\"Names\":[\"/a/one\",\"x\"]}"),
        "{\"DeletedParameters\":[\"/a/one\"],\"InvalidParameters\":[\"x\"]}");
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.DeleteParameters"), "{\"Names\":[]}"),
          "ValidationException");
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.GetParameter"), "{\"Name\":\"/a/one\"}"),
          "ParameterNotFound");
}

static void unknown_calls_have_no_group(void **state)
{
    (void)state;
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.SendCommand"), "{}"), "UnknownOperationException");
    holds(ask("POST", "/", "", "Action=Fly&Version=2011-06-15"), "<Code>InvalidAction</Code>");
    holds(ask("GET", "/elsewhere", "", ""), "InvalidAction");
    for (size_t i = 0; i < w.journal.n; i++)
        if (w.journal.records[i]->kind == RECORD_REQUEST)
            assert_null(w.journal.records[i]->group);
    holds(ask("POST", "/", "", "Action=GetCallerIdentity&Version=2011-06-15"),
          "<GetCallerIdentityResult>");
    assert_string_equal(w.journal.records[w.journal.n - 2]->group, "sts");
}

static void wrong_types_are_serialization_exceptions(void **state)
{
    (void)state;
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.GetParameters"), "{\"Names\":\"p\"}"),
          "SerializationException");
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.GetParameters"), "{"), "SerializationException");
}

static void values_that_are_secret_stay_out_of_the_journal(void **state)
{
    char *text;

    (void)state;
    tell("secret", json_pack("{s:s,s:s}", "name", "s", "value", "open-sesame"));
    tell("parameter",
         json_pack("{s:s,s:s,s:s}", "name", "p", "value", "swordfish", "type", "SecureString"));
    holds(ask("POST", "/", JSON_CALL("secretsmanager.GetSecretValue"), "{\"SecretId\":\"s\"}"),
          "open-sesame");
    holds(ask("POST", "/", JSON_CALL("AmazonSSM.GetParameter"),
              "{\"Name\":\"p\",\"WithDecryption\":true}"),
          "swordfish");
    for (size_t i = 0; i < w.journal.n; i++) {
        json_t *v = record_json(w.journal.records[i]);

        text = json_text(v);
        assert_null(strstr(text, "open-sesame"));
        assert_null(strstr(text, "swordfish"));
        free(text);
        json_decref(v);
    }
}

static void a_containers_role_wants_its_token(void **state)
{
    (void)state;
    tell("role", json_pack("{s:s,s:s}", "name", "arn:aws:iam::1:role/r", "token", "open"));
    holds(ask("GET", "/v2/credentials/x", "", ""), "401");
    holds(ask("GET", "/v2/credentials/x", "Authorization: open\r\n", ""), "\"AccessKeyId\":\"ASIA");
    assert_int_equal(tell("role", json_pack("{s:s,s:s}", "name", "r", "lifetime", "never")), -1);
    tell("role", json_pack("{s:s}", "name", ""));
    holds(ask("GET", "/v2/credentials/x", "", ""), "InvalidIdInRequest");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commands_furnish_the_services, begin, end),
        cmocka_unit_test_setup_teardown(what_is_denied_is_denied_until_it_is_allowed, begin, end),
        cmocka_unit_test_setup_teardown(a_secret_is_repeated_deleted_and_restored, begin, end),
        cmocka_unit_test_setup_teardown(parameters_are_found_by_filters_and_deleted_together, begin,
                                        end),
        cmocka_unit_test_setup_teardown(unknown_calls_have_no_group, begin, end),
        cmocka_unit_test_setup_teardown(wrong_types_are_serialization_exceptions, begin, end),
        cmocka_unit_test_setup_teardown(values_that_are_secret_stay_out_of_the_journal, begin, end),
        cmocka_unit_test_setup_teardown(a_containers_role_wants_its_token, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
