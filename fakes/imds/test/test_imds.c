#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/keyring.h"
#include "fakes/core/test/peer.c"
#include "fakes/imds/identity.h"
#include "fakes/imds/imds.h"
#include "fakes/imds/tree.h"

static struct world world;
static struct imds *imds;

static int begin(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(world_init(&world, 7, &e), 0);
    imds = (struct imds *)world_add(&world, &imds_ops, &e);
    assert_non_null(imds);
    assert_int_equal(fake_listen_tcp(&imds->fake, "127.0.0.1", 0, false, &e), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_release(&world);
    return 0;
}

/* One request on a connection of its own; the whole answer, to be freed. */
static char *ask(const char *method, const char *path, const char *headers)
{
    struct peer p;
    char *text = xasprintf("%s %s HTTP/1.1\r\nHost: 169.254.169.254\r\n%s\r\n", method, path,
                           headers ? headers : "");
    char *got;

    peer_connect(&p, &imds->fake);
    peer_send(&p, text);
    peer_wait_end(&p);
    got = xstrdup(buf_str(&p.got));
    peer_close(&p);
    free(text);
    return got;
}

/* Status of a GET; its body in *ret_body when asked for. */
static int get(const char *path, const char *headers, char **ret_body)
{
    char *got = ask("GET", path, headers);
    int status = (int)strtol(got + strlen("HTTP/1.1 "), NULL, 10);
    const char *body = strstr(got, "\r\n\r\n");

    if (ret_body)
        *ret_body = xstrdup(body ? body + 4 : "");
    free(got);
    return status;
}

static void assert_text(const char *path, const char *expected)
{
    char *body;

    assert_int_equal(get(path, NULL, &body), 200);
    assert_string_equal(body, expected);
    free(body);
}

static int control(const char *command, const char *args)
{
    struct err e = ERR_INIT;
    json_t *o = json_read(args, strlen(args), JSON_READ_STRICT, &e);
    json_t *ret = NULL;
    int r;

    assert_non_null(o);
    r = imds_ops.control(&imds->fake, command, o, &ret, &e);
    json_decref(o);
    json_decref(ret);
    return r;
}

/* A token good for ttl seconds, as a header line, to be freed. */
static char *token_header(int ttl)
{
    char *h = xasprintf("X-aws-ec2-metadata-token-ttl-seconds: %d\r\nContent-Length: 0\r\n", ttl);
    char *got = ask("PUT", "/latest/api/token", h);
    char *line;

    assert_true(str_starts(got, "HTTP/1.1 200"));
    line = xasprintf("X-aws-ec2-metadata-token: %s\r\n", strstr(got, "\r\n\r\n") + 4);
    free(got);
    free(h);
    return line;
}

static void the_tree_follows_from_the_identity_of_the_world(void **state)
{
    (void)state;
    assert_text("/latest/meta-data/instance-id", world.id.instance_id);
    assert_text("/latest/meta-data/placement/region", "us-west-2");
    assert_text("/latest/meta-data/placement/availability-zone", "us-west-2a");
    assert_text("/latest/meta-data/placement/availability-zone-id", "usw2-az1");
    assert_text("/latest/meta-data/mac", "0e:49:61:0f:c3:11");
    assert_text("/latest/meta-data/network/interfaces/macs/0e:49:61:0f:c3:11/vpc-id",
                "vpc-0123456789abcdef0");
    assert_text("/2021-03-23/meta-data/local-ipv4", "10.0.12.34");
    assert_int_equal(get("/latest/user-data", NULL, NULL), 404);
    assert_int_equal(get("/latest/meta-data/spot/instance-action", NULL, NULL), 404);
    assert_int_equal(get("/latest/meta-data/outpost-arn", NULL, NULL), 404);
}

static void a_folder_answers_with_its_names_with_and_without_a_slash(void **state)
{
    (void)state;
    assert_text("/latest", "dynamic\nmeta-data");
    assert_text("/latest/meta-data/placement/", "availability-zone\navailability-zone-id\nregion");
    assert_text("/latest/meta-data/network", "interfaces/");
    assert_text("/latest/meta-data/network/interfaces/macs/", "0e:49:61:0f:c3:11/");
    assert_text("/latest/meta-data/iam/security-credentials", "ecsInstanceRole");
    assert_text("/latest/dynamic/instance-identity/", "document\npkcs7\nrsa2048\nsignature");
}

static void the_error_page_is_the_one_of_the_service(void **state)
{
    char *got = ask("GET", "/latest/meta-data/nowhere", NULL);

    (void)state;
    assert_true(str_starts(got, "HTTP/1.1 404 Not Found\r\n"));
    assert_non_null(strstr(got, "Server: EC2ws\r\n"));
    assert_non_null(strstr(got, "Content-Type: text/html\r\n"));
    assert_non_null(strstr(got, "<title>404 - Not Found</title>"));
    free(got);
}

static void what_a_scenario_sets_is_there_and_what_it_unsets_is_not(void **state)
{
    (void)state;
    assert_int_equal(control("set", "{\"path\":\"user-data\",\"value\":\"#!/bin/sh\\n\"}"), 0);
    assert_text("/latest/user-data", "#!/bin/sh\n");
    assert_text("/latest", "dynamic\nmeta-data\nuser-data");
    assert_int_equal(control("set", "{\"path\":\"spot/instance-action\",\"value\":"
                                    "{\"action\":\"stop\",\"time\":\"2026-11-24T08:00:00Z\"}}"),
                     0);
    assert_text("/latest/meta-data/spot/instance-action",
                "{\"action\":\"stop\",\"time\":\"2026-11-24T08:00:00Z\"}");
    assert_int_equal(control("unset", "{\"path\":\"/latest/meta-data/network/\"}"), 0);
    assert_int_equal(get("/latest/meta-data/network/", NULL, NULL), 404);
    assert_int_equal(
        get("/latest/meta-data/network/interfaces/macs/0e:49:61:0f:c3:11/vpc-id", NULL, NULL), 404);
    imds_ops.reset(&imds->fake);
    assert_int_equal(get("/latest/user-data", NULL, NULL), 404);
    assert_int_equal(get("/latest/meta-data/network/", NULL, NULL), 200);
}

static void a_fact_that_is_set_moves_all_that_follows_from_it(void **state)
{
    char *body;

    (void)state;
    assert_int_equal(control("set", "{\"path\":\"mac\",\"value\":\"02:00:00:00:00:01\"}"), 0);
    assert_int_equal(control("set", "{\"path\":\"instance-type\",\"value\":\"c7g.medium\"}"), 0);
    assert_text("/latest/meta-data/network/interfaces/macs/02:00:00:00:00:01/subnet-id",
                "subnet-0123456789abcdef0");
    assert_int_equal(get("/latest/dynamic/instance-identity/document", NULL, &body), 200);
    assert_non_null(strstr(body, "\"instanceType\" : \"c7g.medium\""));
    free(body);
}

static X509 *certificate(enum imds_identity_kind kind)
{
    struct buf pem = BUF_INIT(1 << 16);
    struct err e = ERR_INIT;
    X509 *cert;
    BIO *b;

    assert_int_equal(imds_identity_certificate(kind, &pem, &e), 0);
    b = BIO_new_mem_buf(buf_str(&pem), -1);
    cert = PEM_read_bio_X509(b, NULL, NULL, NULL);
    BIO_free(b);
    buf_release(&pem);
    assert_non_null(cert);
    return cert;
}

static bool is_signed(const char *document, const char *signature)
{
    X509 *cert = certificate(IMDS_IDENTITY_SIGNATURE);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    struct buf sig = BUF_INIT(1024);
    bool yes;

    assert_int_equal(str_unbase64(&sig, signature, strlen(signature)), 0);
    assert_int_equal(EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, X509_get0_pubkey(cert)), 1);
    yes = EVP_DigestVerify(md, (const unsigned char *)buf_str(&sig), buf_len(&sig),
                           (const unsigned char *)document, strlen(document)) == 1;
    EVP_MD_CTX_free(md);
    buf_release(&sig);
    X509_free(cert);
    return yes;
}

static void the_identity_document_is_json_and_its_signature_belongs_to_it(void **state)
{
    struct err e = ERR_INIT;
    char *body, *signature;
    json_t *doc;

    (void)state;
    assert_int_equal(get("/latest/dynamic/instance-identity/document", NULL, &body), 200);
    doc = json_read(body, strlen(body), JSON_READ_STRICT, &e);
    assert_non_null(doc);
    assert_string_equal(json_str(doc, "region"), "us-west-2");
    assert_string_equal(json_str(doc, "accountId"), "123456789012");
    assert_string_equal(json_str(doc, "instanceId"), world.id.instance_id);
    assert_string_equal(json_str(doc, "version"), "2017-09-30");
    json_decref(doc);
    assert_int_equal(get("/latest/dynamic/instance-identity/signature", NULL, &signature), 200);
    assert_int_equal(strlen(signature), 172 + 2);
    assert_true(is_signed(body, signature));
    body[20] ^= 1;
    assert_false(is_signed(body, signature));
    free(body);
    free(signature);
}

/* Does the PKCS #7 below /latest/dynamic/instance-identity/NAME hold this document? */
static bool holds(const char *name, enum imds_identity_kind kind, const char *document)
{
    char path[80], *text, *pem, got[2048];
    X509 *cert = certificate(kind);
    STACK_OF(X509) *certs = sk_X509_new_null();
    BIO *in, *out = BIO_new(BIO_s_mem());
    PKCS7 *p7;
    bool yes;

    sk_X509_push(certs, cert);
    snprintf(path, sizeof(path), "/latest/dynamic/instance-identity/%s", name);
    assert_int_equal(get(path, NULL, &text), 200);
    pem = xasprintf("-----BEGIN PKCS7-----\n%s\n-----END PKCS7-----\n", text);
    in = BIO_new_mem_buf(pem, -1);
    p7 = PEM_read_bio_PKCS7(in, NULL, NULL, NULL);
    yes = p7 && !p7->d.sign->cert && /* the certificate is EC2's, and known */
          PKCS7_verify(p7, certs, NULL, NULL, out, PKCS7_NOVERIFY | PKCS7_BINARY) == 1 &&
          BIO_read(out, got, sizeof(got)) == (int)strlen(document) &&
          !memcmp(got, document, strlen(document));
    PKCS7_free(p7);
    BIO_free(in);
    BIO_free(out);
    sk_X509_pop_free(certs, X509_free);
    free(pem);
    free(text);
    return yes;
}

static void the_identity_document_stands_signed_in_pkcs7(void **state)
{
    char *body;

    (void)state;
    assert_int_equal(control("set", "{\"path\":\"instance-type\",\"value\":\"c7g.medium\"}"), 0);
    assert_int_equal(get("/latest/dynamic/instance-identity/document", NULL, &body), 200);
    assert_true(holds("pkcs7", IMDS_IDENTITY_PKCS7, body));
    assert_true(holds("rsa2048", IMDS_IDENTITY_RSA2048, body));
    assert_false(holds("rsa2048", IMDS_IDENTITY_SIGNATURE, body)); /* the wrong certificate */
    free(body);
}

static void a_token_is_good_until_its_time_is_over(void **state)
{
    char *t = token_header(60), *got;

    (void)state;
    clock_step_wall(&world.loop.clock, 10 * NS_PER_S);
    got = ask("GET", "/latest/meta-data/mac", t);
    assert_true(str_starts(got, "HTTP/1.1 200"));
    assert_non_null(strcasestr(got, "X-aws-ec2-metadata-token-ttl-seconds: "));
    free(got);
    clock_step_wall(&world.loop.clock, 51 * NS_PER_S);
    assert_int_equal(get("/latest/meta-data/mac", t, NULL), 401);
    assert_int_equal(get("/latest/meta-data/mac", "X-aws-ec2-metadata-token: forged\r\n", NULL),
                     401);
    free(t);
}

static void version_two_alone_refuses_a_request_without_a_token(void **state)
{
    char *t;

    (void)state;
    assert_int_equal(get("/latest/meta-data/mac", NULL, NULL), 200);
    assert_int_equal(control("version", "{\"mode\":\"v2\"}"), 0);
    assert_int_equal(get("/latest/meta-data/mac", NULL, NULL), 401);
    t = token_header(21600);
    assert_int_equal(get("/latest/meta-data/mac", t, NULL), 200);
    free(t);
    assert_int_equal(control("version", "{\"mode\":\"v3\"}"), -1);
}

static void a_token_is_refused_for_a_bad_time_or_behind_a_proxy(void **state)
{
    static const struct {
        const char *headers, *status;
    } cases[] = {
        {"Content-Length: 0\r\n", "HTTP/1.1 400"},
        {"X-aws-ec2-metadata-token-ttl-seconds: 0\r\n", "HTTP/1.1 400"},
        {"X-aws-ec2-metadata-token-ttl-seconds: 21601\r\n", "HTTP/1.1 400"},
        {"X-aws-ec2-metadata-token-ttl-seconds: 6h\r\n", "HTTP/1.1 400"},
        {"X-aws-ec2-metadata-token-ttl-seconds: 60\r\nX-Forwarded-For: 10.0.0.1\r\n",
         "HTTP/1.1 403"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *got = ask("PUT", "/latest/api/token", cases[i].headers);

        assert_true(str_starts(got, cases[i].status));
        free(got);
    }
    assert_int_equal(get("/latest/api/token", NULL, NULL), 405);
}

static void a_caller_beyond_the_hop_limit_never_gets_its_token(void **state)
{
    struct peer p;

    (void)state;
    assert_int_equal(control("hop", "{\"distance\":2}"), 0);
    peer_connect(&p, &imds->fake);
    peer_send(&p, "PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                  "X-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n");
    peer_settle(&world);
    assert_int_equal(buf_len(&p.got), 0);
    assert_false(p.eof);
    peer_close(&p);
    assert_int_equal(control("hop", "{\"limit\":2}"), 0);
    free(token_header(60));
    assert_int_equal(control("hop", "{\"limit\":0}"), -1);
    assert_int_equal(control("hop", "{\"name\":\"3\",\"distance\":\"65\"}"), -1);
    assert_int_equal(control("hop", "{\"name\":\"3\",\"distance\":\"4\"}"), 0);
    assert_int_equal(imds->hop_limit, 3);
    assert_int_equal(imds->hop_distance, 4);
}

static json_t *role_credentials(void)
{
    struct err e = ERR_INIT;
    char *body;
    json_t *v;

    assert_int_equal(get("/latest/meta-data/iam/security-credentials/ecsInstanceRole", NULL, &body),
                     200);
    v = json_read(body, strlen(body), JSON_READ_STRICT, &e);
    assert_non_null(v);
    free(body);
    return v;
}

static void credentials_of_the_role_are_known_to_the_keyring_and_renewed_in_time(void **state)
{
    struct err e = ERR_INIT;
    struct keyring *ring = keyring_of(&world, &e);
    json_t *a = role_credentials(), *b = role_credentials(), *c;
    const struct keyring_key *key;
    char expires[40];

    (void)state;
    assert_string_equal(json_str(a, "Code"), "Success");
    assert_string_equal(json_str(a, "AccessKeyId"), json_str(b, "AccessKeyId"));
    key = keyring_find(ring, json_str(a, "AccessKeyId"));
    assert_non_null(key);
    assert_string_equal(key->token, json_str(a, "Token"));
    assert_string_equal(json_str(a, "Expiration"), str_format_time(key->expires, 0, expires));
    clock_step_wall(&world.loop.clock, (6 * 3600 - 299) * NS_PER_S);
    c = role_credentials();
    assert_string_not_equal(json_str(a, "AccessKeyId"), json_str(c, "AccessKeyId"));
    json_decref(a);
    json_decref(b);
    json_decref(c);
}

static void an_instance_without_a_role_has_no_iam_folder(void **state)
{
    char *body;

    (void)state;
    assert_int_equal(control("role", "{\"name\":\"\"}"), 0);
    assert_int_equal(get("/latest/meta-data/iam/security-credentials/", NULL, NULL), 404);
    assert_int_equal(get("/latest/meta-data/iam/info", NULL, NULL), 404);
    assert_int_equal(control("role", "{\"name\":\"other\",\"code\":\"AssumeRoleUnauthorizedAccess"
                                     "\",\"lifetime\":\"90s\"}"),
                     0);
    assert_text("/latest/meta-data/iam/security-credentials/", "other");
    assert_int_equal(get("/latest/meta-data/iam/security-credentials/other", NULL, &body), 200);
    assert_non_null(strstr(body, "AssumeRoleUnauthorizedAccess"));
    assert_null(strstr(body, "SecretAccessKey"));
    free(body);
}

static void off_means_that_connections_are_refused_until_on(void **state)
{
    struct peer p;

    (void)state;
    assert_int_equal(control("off", "{}"), 0);
    peer_connect(&p, &imds->fake);
    assert_true(p.reset);
    peer_close(&p);
    assert_int_equal(control("on", "{}"), 0);
    assert_text("/latest/meta-data/mac", "0e:49:61:0f:c3:11");
}

static void known_paths_have_a_group_and_what_lies_outside_has_none(void **state)
{
    static const struct {
        const char *path, *what, *group;
    } cases[] = {
        {"/latest/meta-data/never/heard/of", "GET /latest/meta-data/never/heard/of", "metadata"},
        {"/latest/api/token", "GET /latest/api/token", "token"},
        {"/elsewhere", "GET /elsewhere", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        bool seen = false;

        get(cases[i].path, NULL, NULL);
        for (size_t n = 0; n < world.journal.n; n++) {
            const struct record *r = world.journal.records[n];

            if (r->kind != RECORD_REQUEST || !str_eq(r->what, cases[i].what))
                continue;
            seen = true;
            assert_true(str_eq(r->group, cases[i].group));
        }
        assert_true(seen);
    }
}

static void zone_ids_are_shortened_as_ec2_does(void **state)
{
    static const char *const cases[][3] = {
        {"us-west-2", "us-west-2a", "usw2-az1"},
        {"eu-central-1", "eu-central-1c", "euc1-az3"},
        {"ap-northeast-1", "ap-northeast-1d", "apne1-az4"},
        {"us-gov-west-1", "us-gov-west-1b", "usgw1-az2"},
        {"nowhere", "nowhere-a", "nowhere-a"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct buf b = BUF_INIT(64);

        imds_zone_id(&b, cases[i][0], cases[i][1]);
        assert_string_equal(buf_str(&b), cases[i][2]);
        buf_release(&b);
    }
}

static void a_misspelt_command_is_named_with_the_one_that_was_meant(void **state)
{
    struct err e = ERR_INIT;
    json_t *args = json_object(), *ret = NULL;

    (void)state;
    assert_int_equal(imds_ops.control(&imds->fake, "versoin", args, &ret, &e), -1);
    assert_non_null(strstr(e.text, "did you mean version"));
    assert_int_equal(imds_ops.control(&imds->fake, "set", args, &ret, &e), -1);
    json_decref(args);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_tree_follows_from_the_identity_of_the_world),
        T(a_folder_answers_with_its_names_with_and_without_a_slash),
        T(the_error_page_is_the_one_of_the_service),
        T(what_a_scenario_sets_is_there_and_what_it_unsets_is_not),
        T(a_fact_that_is_set_moves_all_that_follows_from_it),
        T(the_identity_document_is_json_and_its_signature_belongs_to_it),
        T(the_identity_document_stands_signed_in_pkcs7),
        T(a_token_is_good_until_its_time_is_over),
        T(version_two_alone_refuses_a_request_without_a_token),
        T(a_token_is_refused_for_a_bad_time_or_behind_a_proxy),
        T(a_caller_beyond_the_hop_limit_never_gets_its_token),
        T(credentials_of_the_role_are_known_to_the_keyring_and_renewed_in_time),
        T(an_instance_without_a_role_has_no_iam_folder),
        T(off_means_that_connections_are_refused_until_on),
        T(known_paths_have_a_group_and_what_lies_outside_has_none),
        T(zone_ids_are_shortened_as_ec2_does),
        T(a_misspelt_command_is_named_with_the_one_that_was_meant),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
