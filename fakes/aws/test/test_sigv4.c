#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/keyring.h"
#include "fakes/aws/sigv4.h"
#include "fakes/aws/test/sign.h"
#include "fakes/core/fake.h"

#define EMPTY  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define AKID   "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
/* The key pair of the S3 examples. */
#define S3_AKID   "AKIAIOSFODNN7EXAMPLE"
#define S3_SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

static struct world *world;
static struct keyring *ring;

static int start(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    world = new0(struct world);
    if (world_init(world, 1, &e) < 0)
        return -1;
    ring = keyring_of(world, &e);
    keyring_put(ring, &(struct keyring_new){.access_key = AKID, .secret_key = SECRET}, &e);
    keyring_put(ring, &(struct keyring_new){.access_key = S3_AKID, .secret_key = S3_SECRET}, &e);
    return ring ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    world_release(world);
    free(world);
    return 0;
}

static int64_t at(const char *date)
{
    int64_t t;

    assert_int_equal(str_parse_amz_date(date, &t), 0);
    return t;
}

/* A request of the test suite: host and date, maybe more. */
struct made {
    struct http_header h[8];
    size_t n;
    struct sigv4_request r;
};

static void header(struct made *m, const char *name, const char *value)
{
    m->h[m->n++] = (struct http_header){(char *)(uintptr_t)name, (char *)(uintptr_t)value};
    m->r.headers = m->h;
    m->r.n_headers = m->n;
}

static void request(struct made *m, const char *path, const char *query)
{
    memset(m, 0, sizeof(*m));
    m->r.method = "GET";
    m->r.raw_path = path;
    m->r.raw_query = query;
    m->r.payload_hash = EMPTY;
}

#define SUITE_DATE "20150830T123600Z"
#define SUITE_AUTH(headers, signature)                                                             \
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "            \
    "SignedHeaders=" headers ", Signature=" signature

static const struct sigv4_rules suite = {
    .service = "service", .region = "us-east-1", .skew = SIGV4_SKEW_JSON};

static void suite_case(const char *path, const char *query, const char *signature)
{
    struct made m;
    struct sigv4 s;
    char *auth = xasprintf(SUITE_AUTH("host;x-amz-date", "%s"), signature);

    request(&m, path, query);
    header(&m, "Host", "example.amazonaws.com");
    header(&m, "X-Amz-Date", SUITE_DATE);
    header(&m, "Authorization", auth);
    if (sigv4_verify(&s, &m.r, &suite, ring, at(SUITE_DATE)) != SIGV4_OK)
        print_message("%s?%s: %s\n%s\n", path, query, s.text, buf_str(&s.canonical));
    assert_int_equal(s.result, SIGV4_OK);
    assert_true(s.checked);
    assert_string_equal(s.access_key, AKID);
    sigv4_release(&s);
    free(auth);
}

static void requests_of_the_published_suite_verify(void **state)
{
    (void)state;
    suite_case("/", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    suite_case("/", "Param2=value2&Param1=value1",
               "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
    suite_case("/\xe1\x88\xb4", "",
               "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85");
    /* normalised to "/", so with the signature of the first */
    suite_case("/foo/..", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    suite_case("//./", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

static void s3_auth(struct made *m, const char *headers, const char *signature)
{
    static char auth[1024];

    snprintf(auth, sizeof(auth),
             "AWS4-HMAC-SHA256 Credential=%s/20130524/us-east-1/s3/aws4_request,"
             "SignedHeaders=%s,Signature=%s",
             S3_AKID, headers, signature);
    header(m, "Authorization", auth);
}

static const struct sigv4_rules s3 = {
    .service = "s3", .region = "us-east-1", .skew = SIGV4_SKEW_S3, .s3 = true};

static enum sigv4_result s3_verify(struct made *m, const char *when)
{
    struct sigv4 s;
    enum sigv4_result r = sigv4_verify(&s, &m->r, &s3, ring, at(when));

    if (r != SIGV4_OK)
        print_message("%s\n%s\n", s.text, buf_str(&s.canonical));
    sigv4_release(&s);
    return r;
}

static void the_s3_examples_of_the_documentation_verify(void **state)
{
    struct made m;

    (void)state;
    request(&m, "/test.txt", "");
    header(&m, "Host", "examplebucket.s3.amazonaws.com");
    header(&m, "Range", "bytes=0-9");
    header(&m, "x-amz-content-sha256", EMPTY);
    header(&m, "x-amz-date", "20130524T000000Z");
    s3_auth(&m, "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    assert_int_equal(s3_verify(&m, "20130524T000000Z"), SIGV4_OK);

    request(&m, "/test%24file.text", "");
    m.r.method = "PUT";
    header(&m, "Host", "examplebucket.s3.amazonaws.com");
    header(&m, "Date", "Fri, 24 May 2013 00:00:00 GMT");
    header(&m, "x-amz-date", "20130524T000000Z");
    header(&m, "x-amz-storage-class", "REDUCED_REDUNDANCY");
    header(&m, "x-amz-content-sha256",
           "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
    s3_auth(&m, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    assert_int_equal(s3_verify(&m, "20130524T000000Z"), SIGV4_OK);
    m.r.raw_path = "/test$file.text"; /* S3 signs the path as it would write it */
    assert_int_equal(s3_verify(&m, "20130524T000000Z"), SIGV4_OK);

    request(&m, "/", "lifecycle");
    header(&m, "Host", "examplebucket.s3.amazonaws.com");
    header(&m, "x-amz-date", "20130524T000000Z");
    header(&m, "x-amz-content-sha256", EMPTY);
    s3_auth(&m, "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    assert_int_equal(s3_verify(&m, "20130524T000000Z"), SIGV4_OK);

    m.r.raw_query = "max-keys=2&prefix=J";
    m.n = m.r.n_headers = 3;
    s3_auth(&m, "host;x-amz-content-sha256;x-amz-date",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    assert_int_equal(s3_verify(&m, "20130524T000000Z"), SIGV4_OK);
}

#define PRESIGNED                                                                                  \
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2F"         \
    "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"               \
    "X-Amz-SignedHeaders=host&X-Amz-Signature="                                                    \
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"

static void a_presigned_url_is_good_until_it_expires(void **state)
{
    struct made m;

    (void)state;
    request(&m, "/test.txt", PRESIGNED);
    header(&m, "Host", "examplebucket.s3.amazonaws.com");
    assert_int_equal(s3_verify(&m, "20130524T000000Z"), SIGV4_OK);
    assert_int_equal(s3_verify(&m, "20130525T000000Z"), SIGV4_OK);
    assert_int_equal(s3_verify(&m, "20130525T000001Z"), SIGV4_EXPIRED);
    assert_int_equal(s3_verify(&m, "20130523T234000Z"), SIGV4_SKEWED);
    m.r.method = "PUT";
    assert_int_equal(s3_verify(&m, "20130524T000000Z"), SIGV4_MISMATCH);
}

/* A header-signed request whose parts a test may spoil. */
struct signed_request {
    const char *akid, *secret, *region, *service, *date, *scope_date, *term, *token, *names;
};

static enum sigv4_result verify_signed(const struct signed_request *q, const char *when,
                                       char text[600])
{
    struct made m;
    struct sigv4 s;
    char canonical[2048], sig[65], auth[1024], token[300] = "";
    const char *names = q->names   ? q->names
                        : q->token ? "host;x-amz-date;x-amz-security-token"
                                   : "host;x-amz-date";
    enum sigv4_result r;

    if (q->token)
        snprintf(token, sizeof(token), "x-amz-security-token:%s\n", q->token);
    snprintf(canonical, sizeof(canonical), "GET\n/\n\nhost:h\nx-amz-date:%s\n%s\n%s\n%s", q->date,
             token, names, EMPTY);
    sign_canonical(q->secret, q->date, q->region, q->service, canonical, sig);
    snprintf(auth, sizeof(auth),
             "AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/%s, SignedHeaders=%s, Signature=%s", q->akid,
             q->scope_date ? q->scope_date : SUITE_DATE, q->region, q->service,
             q->term ? q->term : "aws4_request", names, sig);
    if (!q->scope_date)
        memmove(strstr(auth, SUITE_DATE) + 8, strstr(auth, SUITE_DATE) + 16,
                strlen(strstr(auth, SUITE_DATE) + 16) + 1);
    request(&m, "/", "");
    header(&m, "Host", "h");
    header(&m, "X-Amz-Date", q->date);
    if (q->token)
        header(&m, "X-Amz-Security-Token", q->token);
    header(&m, "Authorization", auth);
    r = sigv4_verify(&s, &m.r, &suite, ring, at(when));
    snprintf(text, 600, "%s", s.text);
    sigv4_release(&s);
    return r;
}

static const struct signed_request good = {.akid = AKID,
                                           .secret = SECRET,
                                           .region = "us-east-1",
                                           .service = "service",
                                           .date = SUITE_DATE};

static void what_is_wrong_with_the_scope_is_said(void **state)
{
    struct signed_request q = good;
    char text[600];

    (void)state;
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_OK);
    q.region = "eu-west-1";
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_WRONG_SCOPE);
    assert_string_equal(text, "Credential should be scoped to a valid region. ");
    q = good;
    q.service = "s3";
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_WRONG_SCOPE);
    assert_string_equal(text, "Credential should be scoped to correct service: 'service'. ");
    q = good;
    q.term = "aws5_request";
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_WRONG_SCOPE);
    assert_non_null(strstr(text, "'aws5_request'"));
    q = good;
    q.scope_date = "20150829";
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_WRONG_SCOPE);
    assert_string_equal(text,
                        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
                        "of date from HTTP: '20150829' != '20150830', from '20150830T123600Z'.");
}

static void five_minutes_of_skew_are_allowed_and_no_more(void **state)
{
    char text[600];

    (void)state;
    assert_int_equal(verify_signed(&good, "20150830T124100Z", text), SIGV4_OK);
    assert_int_equal(verify_signed(&good, "20150830T123100Z", text), SIGV4_OK);
    assert_int_equal(verify_signed(&good, "20150830T124101Z", text), SIGV4_SKEWED);
    assert_string_equal(text, "Signature expired: 20150830T123600Z is now earlier than "
                              "20150830T123601Z (20150830T124101Z - 5 min.)");
    assert_int_equal(verify_signed(&good, "20150830T123059Z", text), SIGV4_SKEWED);
    assert_string_equal(text, "Signature not yet current: 20150830T123600Z is still later than "
                              "20150830T123559Z (20150830T123059Z + 5 min.)");
}

static void keys_and_session_tokens_are_checked_before_the_signature(void **state)
{
    struct signed_request q = good;
    struct err e = ERR_INIT;
    char text[600];

    (void)state;
    q.akid = "AKIDNOBODY";
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_UNKNOWN_KEY);
    q = good;
    q.secret = "wrong";
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_MISMATCH);
    q = good;
    q.token = "a-token-nobody-gave";
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_BAD_TOKEN);

    keyring_put(ring,
                &(struct keyring_new){.access_key = "ASIAROLE",
                                      .secret_key = "role-secret",
                                      .token = "role-token",
                                      .owner = "imds",
                                      .expires = at("20150830T124000Z")},
                &e);
    q = good;
    q.akid = "ASIAROLE";
    q.secret = "role-secret";
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_BAD_TOKEN);
    q.token = "role-tokem";
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_BAD_TOKEN);
    q.token = "role-token";
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_OK);
    assert_int_equal(verify_signed(&q, "20150830T124000Z", text), SIGV4_EXPIRED_TOKEN);
    assert_string_equal(text, "The security token included in the request is expired");
    keyring_drop(ring, "imds");
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_UNKNOWN_KEY);
}

static void host_has_to_be_signed(void **state)
{
    struct signed_request q = good;
    char text[600];

    (void)state;
    q.names = "x-amz-date";
    assert_int_equal(verify_signed(&q, SUITE_DATE, text), SIGV4_HOST_UNSIGNED);
}

static void s3_wants_every_amz_header_signed(void **state)
{
    struct made m;

    (void)state;
    request(&m, "/", "lifecycle");
    header(&m, "Host", "examplebucket.s3.amazonaws.com");
    header(&m, "x-amz-date", "20130524T000000Z");
    header(&m, "x-amz-content-sha256", EMPTY);
    header(&m, "x-amz-acl", "public-read");
    s3_auth(&m, "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    assert_int_equal(s3_verify(&m, "20130524T000000Z"), SIGV4_HOST_UNSIGNED);
}

static enum sigv4_result parse_only(const char *authorization, bool dated, char text[600])
{
    struct made m;
    struct sigv4 s;
    enum sigv4_result r;

    request(&m, "/", "");
    header(&m, "Host", "h");
    if (dated)
        header(&m, "X-Amz-Date", SUITE_DATE);
    if (authorization)
        header(&m, "Authorization", authorization);
    r = sigv4_verify(&s, &m.r, &suite, ring, at(SUITE_DATE));
    snprintf(text, 600, "%s", s.text);
    sigv4_release(&s);
    return r;
}

static void a_header_that_cannot_be_read_is_explained(void **state)
{
    char text[600];

    (void)state;
    assert_int_equal(parse_only(NULL, true, text), SIGV4_UNSIGNED);
    assert_int_equal(parse_only("Basic YTpi", true, text), SIGV4_UNSIGNED);
    assert_int_equal(parse_only("AWS AKID:sig", true, text), SIGV4_BAD_ALGORITHM);
    assert_int_equal(parse_only("AWS4-HMAC-SHA256 x", true, text), SIGV4_MALFORMED);
    assert_non_null(strstr(text, "missing equal-sign"));
    assert_int_equal(parse_only("AWS4-HMAC-SHA256", false, text), SIGV4_MALFORMED);
    assert_non_null(strstr(text, "requires 'Credential' parameter. Authorization header requires "
                                 "'Signature' parameter. Authorization header requires "
                                 "'SignedHeaders' parameter. Authorization header requires "
                                 "existence of either a 'X-Amz-Date' or a 'Date' header. "));
    assert_int_equal(parse_only("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, "
                                "Signature=00",
                                true, text),
                     SIGV4_MALFORMED);
    assert_string_equal(text, "Credential must have exactly 5 slash-delimited elements, e.g. "
                              "keyid/date/region/service/term, got 'a/b/c'");
    assert_int_equal(parse_only("AWS4-HMAC-SHA256 Credential=a/b/c/d/e/f, SignedHeaders=host, "
                                "Signature=00",
                                true, text),
                     SIGV4_MALFORMED);
    assert_int_equal(parse_only(SUITE_AUTH("host", "00"), false, text), SIGV4_BAD_DATE);
}

static void a_date_header_in_the_form_of_http_will_do(void **state)
{
    struct made m;
    struct sigv4 s;
    char canonical[512], sig[65], auth[512];

    (void)state;
    snprintf(canonical, sizeof(canonical),
             "GET\n/\n\ndate:Sun, 30 Aug 2015 12:36:00 GMT\nhost:h\n\ndate;host\n%s", EMPTY);
    sign_canonical(SECRET, SUITE_DATE, "us-east-1", "service", canonical, sig);
    snprintf(auth, sizeof(auth), SUITE_AUTH("date;host", "%s"), sig);
    request(&m, "/", "");
    header(&m, "Host", "  h ");
    header(&m, "Date", "Sun, 30 Aug   2015 12:36:00 GMT");
    header(&m, "Authorization", auth);
    assert_int_equal(sigv4_verify(&s, &m.r, &suite, ring, at(SUITE_DATE)), SIGV4_OK);
    sigv4_release(&s);
}

static void a_blank_written_as_plus_is_signed_as_percent_20(void **state)
{
    struct made m;
    struct sigv4 s;
    char canonical[512], sig[65], auth[512];

    (void)state;
    snprintf(canonical, sizeof(canonical),
             "GET\n/ws\na=&dockerVersion=DockerVersion%%3A%%2020.10\nhost:h\nx-amz-date:%s\n\n"
             "host;x-amz-date\n%s",
             SUITE_DATE, EMPTY);
    sign_canonical(SECRET, SUITE_DATE, "us-east-1", "service", canonical, sig);
    snprintf(auth, sizeof(auth), SUITE_AUTH("host;x-amz-date", "%s"), sig);
    request(&m, "/ws", "dockerVersion=DockerVersion%3A+20.10&a");
    header(&m, "Host", "h");
    header(&m, "X-Amz-Date", SUITE_DATE);
    header(&m, "Authorization", auth);
    assert_int_equal(sigv4_verify(&s, &m.r, &suite, ring, at(SUITE_DATE)), SIGV4_OK);
    sigv4_release(&s);
}

static void a_body_that_is_not_what_the_header_claims_is_found(void **state)
{
    struct made m;
    struct sigv4 s;
    uint8_t sha[32] = {0};

    (void)state;
    request(&m, "/", "lifecycle");
    header(&m, "Host", "examplebucket.s3.amazonaws.com");
    header(&m, "x-amz-date", "20130524T000000Z");
    header(&m, "x-amz-content-sha256", EMPTY);
    s3_auth(&m, "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    assert_int_equal(sigv4_verify(&s, &m.r, &s3, ring, at("20130524T000000Z")), SIGV4_OK);
    EVP_Digest("", 0, sha, NULL, EVP_sha256(), NULL);
    assert_int_equal(sigv4_check_payload(&s, sha), SIGV4_OK);
    sha[0] ^= 1;
    assert_int_equal(sigv4_check_payload(&s, sha), SIGV4_BAD_PAYLOAD);
    sigv4_release(&s);
}

static void a_person_adds_expires_and_removes_keys(void **state)
{
    struct fake *f = world_find(world, "keys");
    struct err e = ERR_INIT;
    json_t *args = json_pack("{s:s,s:s}", "accessKeyId", "AKIAHAND", "secretAccessKey", "secret");
    struct signed_request q = good;
    char text[600], now[17], later[17];

    (void)state;
    str_format_amz_date(loop_wall(&world->loop), now);
    str_format_amz_date(loop_wall(&world->loop) + NS_PER_S, later);
    q.date = now;
    q.akid = "AKIAHAND";
    q.secret = "secret";
    q.scope_date = xstrndup(now, 8);
    assert_int_equal(f->ops->control(f, "key", args, NULL, &e), 0);
    assert_int_equal(verify_signed(&q, now, text), SIGV4_OK);
    assert_int_equal(f->ops->control(f, "expire", args, NULL, &e), 0);
    assert_int_equal(verify_signed(&q, later, text), SIGV4_EXPIRED_TOKEN);
    assert_int_equal(f->ops->control(f, "remove", args, NULL, &e), 0);
    assert_int_equal(verify_signed(&q, now, text), SIGV4_UNKNOWN_KEY);
    assert_int_equal(f->ops->control(f, "remove", args, NULL, &e), -1);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_int_equal(f->ops->control(f, "renew", args, NULL, &e), -1);
    assert_int_equal(e.code, ERR_USAGE);
    free((char *)(uintptr_t)q.scope_date);
    json_decref(args);
}

static void a_reset_leaves_the_key_of_the_world_and_those_of_other_fakes(void **state)
{
    struct fake *f = world_find(world, "keys");
    struct err e = ERR_INIT;

    (void)state;
    keyring_put(
        ring, &(struct keyring_new){.access_key = "ASIA", .secret_key = "s", .owner = "imds"}, &e);
    f->ops->reset(f);
    assert_null(keyring_find(ring, AKID));
    assert_non_null(keyring_find(ring, "ASIA"));
    assert_non_null(keyring_find(ring, world->id.access_key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_of_the_published_suite_verify, start, stop),
        cmocka_unit_test_setup_teardown(the_s3_examples_of_the_documentation_verify, start, stop),
        cmocka_unit_test_setup_teardown(a_presigned_url_is_good_until_it_expires, start, stop),
        cmocka_unit_test_setup_teardown(what_is_wrong_with_the_scope_is_said, start, stop),
        cmocka_unit_test_setup_teardown(five_minutes_of_skew_are_allowed_and_no_more, start, stop),
        cmocka_unit_test_setup_teardown(keys_and_session_tokens_are_checked_before_the_signature,
                                        start, stop),
        cmocka_unit_test_setup_teardown(host_has_to_be_signed, start, stop),
        cmocka_unit_test_setup_teardown(s3_wants_every_amz_header_signed, start, stop),
        cmocka_unit_test_setup_teardown(a_header_that_cannot_be_read_is_explained, start, stop),
        cmocka_unit_test_setup_teardown(a_date_header_in_the_form_of_http_will_do, start, stop),
        cmocka_unit_test_setup_teardown(a_blank_written_as_plus_is_signed_as_percent_20, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_body_that_is_not_what_the_header_claims_is_found, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_person_adds_expires_and_removes_keys, start, stop),
        cmocka_unit_test_setup_teardown(
            a_reset_leaves_the_key_of_the_world_and_those_of_other_fakes, start, stop),
    };

    return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
