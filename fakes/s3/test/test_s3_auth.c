#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fakes/aws/keyring.h"
#include "fakes/aws/test/sign.h"
#include "fakes/s3/test/s3_peer.h"

#define EMPTY    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define UNSIGNED "UNSIGNED-PAYLOAD"

static int begin(void **state)
{
    (void)state;
    return begin_world(true) || control("object", "{\"name\":\"box/k\",\"body\":\"hello\"}");
}

/* How a request is signed; members that are NULL are taken from the world. */
struct signer {
    const char *region, *key, *secret, *claim, *extra; /* extra: "name:value", signed too */
    int64_t off;                                       /* ns that the clock of the signer is off */
    char date[17], seed[65];                           /* set by ask_signed() */
};

/* Signs and asks. Headers that are signed beside extra: host, x-amz-content-sha256, -date. */
static int ask_signed(struct signer *s, const char *method, const char *path, const char *query,
                      const char *more, const void *body, size_t n)
{
    const char *host = s3->fake.url + strlen("http://");
    const char *region = s->region ? s->region : "us-west-2";
    const char *claim = s->claim ? s->claim : UNSIGNED;
    char *canonical, *headers, *target = xasprintf("%s%s%s", path, *query ? "?" : "", query);
    char *name = xstrndup(s->extra ? s->extra : "", s->extra ? strcspn(s->extra, ":") : 0);
    int r;

    str_format_amz_date(loop_wall(&world.loop) + s->off, s->date);
    canonical = xasprintf("%s\n%s\n%s\nhost:%s\nx-amz-content-sha256:%s\nx-amz-date:%s\n%s%s\n"
                          "host;x-amz-content-sha256;x-amz-date%s%s\n%s",
                          method, path, query, host, claim, s->date, s->extra ? s->extra : "",
                          s->extra ? "\n" : "", *name ? ";" : "", name, claim);
    sign_canonical(s->secret ? s->secret : world.id.secret_key, s->date, region, "s3", canonical,
                   s->seed);
    headers = xasprintf("Authorization: AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/s3/aws4_request, "
                        "SignedHeaders=host;x-amz-content-sha256;x-amz-date%s%s, Signature=%s\r\n"
                        "x-amz-content-sha256: %s\r\nx-amz-date: %s\r\n%s%s%s",
                        s->key ? s->key : world.id.access_key, s->date, region, *name ? ";" : "",
                        name, s->seed, claim, s->date, s->extra ? s->extra : "",
                        s->extra ? "\r\n" : "", more ? more : "");
    r = ask_host(NULL, method, target, headers, body, n);
    free(canonical);
    free(headers);
    free(target);
    free(name);
    return r;
}

static int get(struct signer s)
{
    return ask_signed(&s, "GET", "/box/k", "", NULL, NULL, 0);
}

static void a_signed_request_is_answered_and_a_foreign_one_refused(void **state)
{
    (void)state;
    assert_int_equal(get((struct signer){0}), 200);
    assert_string_equal(got.body, "hello");
    assert_int_equal(get((struct signer){.secret = "wrong"}), 403);
    assert_true(member_is("Code", "SignatureDoesNotMatch"));
    assert_true(member_is("AWSAccessKeyId", world.id.access_key));
    assert_true(has("<StringToSign>AWS4-HMAC-SHA256\n"));
    assert_true(has("<CanonicalRequest>GET\n/box/k\n"));
    assert_int_equal(get((struct signer){.key = "AKIANOBODY"}), 403);
    assert_true(member_is("Code", "InvalidAccessKeyId"));
    assert_int_equal(get((struct signer){.off = 16 * 60 * NS_PER_S}), 403);
    assert_true(member_is("Code", "RequestTimeTooSkewed"));
    assert_true(member_is("MaxAllowedSkewMilliseconds", "900000"));
    assert_int_equal(get((struct signer){.off = -14 * 60 * NS_PER_S}), 200);
}

static void a_request_for_another_region_is_told_the_right_one(void **state)
{
    (void)state;
    assert_int_equal(get((struct signer){.region = "eu-west-1"}), 400);
    assert_true(member_is("Code", "AuthorizationHeaderMalformed"));
    assert_true(member_is("Region", "us-west-2"));
    assert_true(has_header("x-amz-bucket-region: us-west-2"));
    assert_int_equal(control("bucket", "{\"name\":\"box\",\"region\":\"eu-west-1\"}"), 0);
    assert_int_equal(get((struct signer){.region = "eu-west-1"}), 200);
}

static void a_session_token_has_to_be_there_and_alive(void **state)
{
    struct err e = ERR_INIT;
    struct keyring *ring = keyring_of(&world, &e);
    struct keyring_new key = {.access_key = "ASIAROLE",
                              .secret_key = "role-secret",
                              .token = "role-token",
                              .owner = "test",
                              .expires = loop_wall(&world.loop) + 60 * NS_PER_S};
    struct signer s = {.key = "ASIAROLE", .secret = "role-secret"};

    (void)state;
    assert_int_equal(keyring_put(ring, &key, &e), 0);
    assert_int_equal(get(s), 400);
    assert_true(member_is("Code", "InvalidToken"));
    s.extra = "x-amz-security-token:role-token";
    assert_int_equal(get(s), 200);
    clock_step_wall(&world.loop.clock, 61 * NS_PER_S);
    assert_int_equal(get(s), 400);
    assert_true(member_is("Code", "ExpiredToken"));
    assert_false(has("role-token"));
}

static void an_unsigned_request_reads_public_buckets_only(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 403);
    assert_true(member_is("Code", "AccessDenied"));
    assert_int_equal(ask("HEAD", "/box", NULL, NULL), 403);
    assert_true(has_header("x-amz-bucket-region: us-west-2"));
    assert_int_equal(ask("GET", "/nowhere/k", NULL, NULL), 404);
    assert_int_equal(ask("GET", "/", NULL, NULL), 403);
    assert_int_equal(control("bucket", "{\"name\":\"box\",\"public\":true}"), 0);
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 200);
    assert_int_equal(ask("GET", "/box?list-type=2", NULL, NULL), 200);
    assert_int_equal(ask("PUT", "/box/k", NULL, "changed"), 403);
    assert_int_equal(ask("DELETE", "/box/k", NULL, NULL), 403);
    assert_int_equal(ask("GET", "/box/k?response-expires=x", NULL, NULL), 400);
    assert_int_equal(ask("GET", "/box/k", NULL, NULL), 200);
    assert_string_equal(got.body, "hello");
}

static void the_body_is_held_against_its_hash_and_nothing_changes_when_it_differs(void **state)
{
    struct signer s = {0};
    char hash[65];

    (void)state;
    sign_sha("body", 4, hash);
    s.claim = hash;
    assert_int_equal(ask_signed(&s, "PUT", "/box/k", "", NULL, "bodY", 4), 400);
    assert_true(member_is("Code", "XAmzContentSHA256Mismatch"));
    assert_true(member_is("ClientComputedContentSHA256", hash));
    assert_int_equal(get((struct signer){0}), 200);
    assert_string_equal(got.body, "hello");
    assert_int_equal(ask_signed(&s, "PUT", "/box/k", "", NULL, "body", 4), 200);
    assert_int_equal(get((struct signer){.claim = EMPTY}), 200);
    assert_string_equal(got.body, "body");
    assert_int_equal(get((struct signer){.claim = hash}), 400);
    assert_int_equal(get((struct signer){.claim = "nonsense"}), 400);
    assert_true(member_is("Code", "InvalidArgument"));
}

/* "size;chunk-signature=...\r\n...\r\n", with a seed that moves on. */
static void add_chunk(struct buf *b, struct signer *s, const char *data, size_t n)
{
    char empty[65], hash[65], sig[65];
    unsigned char k[32];
    char *text, *start = xasprintf("AWS4%s", world.id.secret_key);
    const char *parts[] = {NULL, "us-west-2", "s3", "aws4_request"};
    char day[9];

    snprintf(day, sizeof(day), "%.8s", s->date);
    parts[0] = day;
    sign_sha("", 0, empty);
    sign_sha(data, n, hash);
    text = xasprintf("AWS4-HMAC-SHA256-PAYLOAD\n%s\n%s/us-west-2/s3/aws4_request\n%s\n%s\n%s",
                     s->date, day, s->seed, empty, hash);
    HMAC(EVP_sha256(), start, (int)strlen(start), (const unsigned char *)parts[0], 8, k, NULL);
    for (int i = 1; i < 4; i++)
        HMAC(EVP_sha256(), k, 32, (const unsigned char *)parts[i], strlen(parts[i]), k, NULL);
    HMAC(EVP_sha256(), k, 32, (unsigned char *)text, strlen(text), k, NULL);
    sign_hex(k, 32, sig);
    buf_addf(b, "%zx;chunk-signature=%s\r\n", n, sig);
    buf_add(b, data, n);
    buf_adds(b, "\r\n");
    memcpy(s->seed, sig, sizeof(s->seed));
    free(text);
    free(start);
}

/* The seed of the first chunk is the signature of the head: the first try, of the same second and
 * without a body, gives it away. */
static int put_chunks(bool spoil, const char *decoded)
{
    struct signer s = {.claim = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"};
    struct buf b = BUF_INIT(4096);
    char *extra = xasprintf("x-amz-decoded-content-length:%s", decoded);
    int r;

    s.extra = extra;
    do {
        char date[17];

        buf_clear(&b);
        ask_signed(&s, "PUT", "/box/c", "", NULL, "", 0);
        memcpy(date, s.date, sizeof(date));
        add_chunk(&b, &s, "12345", 5);
        add_chunk(&b, &s, "678", 3);
        add_chunk(&b, &s, "", 0);
        if (spoil)
            *strstr(buf_data(&b), "12345") = 'x';
        r = ask_signed(&s, "PUT", "/box/c", "", NULL, buf_str(&b), buf_len(&b));
        if (str_eq(date, s.date))
            break;
    } while (true);
    buf_release(&b);
    free(extra);
    return r;
}

static void a_body_signed_in_chunks_is_decoded_and_each_chunk_verified(void **state)
{
    struct signer s = {0};

    (void)state;
    assert_int_equal(put_chunks(true, "8"), 403);
    assert_true(member_is("Code", "SignatureDoesNotMatch"));
    assert_int_equal(put_chunks(false, "9"), 400);
    assert_true(member_is("Code", "IncompleteBody"));
    assert_int_equal(ask_signed(&s, "GET", "/box/c", "", NULL, NULL, 0), 404);
    assert_int_equal(put_chunks(false, "8"), 200);
    assert_int_equal(ask_signed(&s, "GET", "/box/c", "", NULL, NULL, 0), 200);
    assert_string_equal(got.body, "12345678");
}

static void a_presigned_url_works_until_it_expires(void **state)
{
    const char *host = s3->fake.url + strlen("http://");
    char date[17], sig[65];
    char *query, *canonical, *target;

    (void)state;
    str_format_amz_date(loop_wall(&world.loop), date);
    query = xasprintf("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%s%%2F%.8s%%2Fus-west-2"
                      "%%2Fs3%%2Faws4_request&X-Amz-Date=%s&X-Amz-Expires=60&"
                      "X-Amz-SignedHeaders=host",
                      world.id.access_key, date, date);
    canonical = xasprintf("GET\n/box/k\n%s\nhost:%s\n\nhost\nUNSIGNED-PAYLOAD", query, host);
    sign_canonical(world.id.secret_key, date, "us-west-2", "s3", canonical, sig);
    target = xasprintf("/box/k?%s&X-Amz-Signature=%s", query, sig);
    assert_int_equal(ask("GET", target, NULL, NULL), 200);
    assert_string_equal(got.body, "hello");
    clock_step_wall(&world.loop.clock, 61 * NS_PER_S);
    assert_int_equal(ask("GET", target, NULL, NULL), 403);
    assert_true(member_is("Code", "AccessDenied"));
    assert_true(member_is("Message", "Request has expired"));
    assert_true(member_is("X-Amz-Expires", "60"));
    free(target);
    free(canonical);
    free(query);
}

/* A query that is signed with version 2: what is signed behind "GET\n\n\nEXPIRES\n". */
static char *sign_2(const char *secret, int64_t expires, const char *rest)
{
    char *text = xasprintf("GET\n\n\n%lld\n%s", (long long)expires, rest), *query;
    struct buf base64 = BUF_INIT(64), escaped = BUF_INIT(128);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    HMAC(EVP_sha1(), secret, (int)strlen(secret), (const unsigned char *)text, strlen(text), mac,
         &n);
    str_base64(&base64, mac, n);
    str_percent(&escaped, buf_str(&base64), buf_len(&base64), false);
    query = xasprintf("AWSAccessKeyId=%s&Signature=%s&Expires=%lld", world.id.access_key,
                      buf_str(&escaped), (long long)expires);
    buf_release(&base64);
    buf_release(&escaped);
    free(text);
    return query;
}

static int get_2(const char *secret, int64_t expires, const char *rest, const char *path,
                 const char *more)
{
    char *query = sign_2(secret, expires, rest), *target = xasprintf("%s?%s%s", path, query, more);
    int r = ask("GET", target, NULL, NULL);

    free(target);
    free(query);
    return r;
}

static void old_regions_take_version_2_in_a_query(void **state)
{
    const char *secret = world.id.secret_key;
    int64_t now = loop_wall(&world.loop) / NS_PER_S;

    (void)state;
    assert_int_equal(get_2(secret, now + 60, "/box/k", "/box/k", ""), 200);
    assert_string_equal(got.body, "hello");
    assert_int_equal(get_2(secret, now + 60, "/box/k?response-content-type=a/b", "/box/k",
                           "&response-content-type=a%2Fb"),
                     200);
    assert_true(has_header("Content-Type: a/b"));
    assert_int_equal(
        get_2(secret, now + 60, "x-amz-meta-a:b c\n/box/k", "/box/k", "&x-amz-meta-a=b%20c"), 200);
    assert_int_equal(get_2(secret, now + 60, "/box/k", "/box/other", ""), 403);
    assert_true(member_is("Code", "SignatureDoesNotMatch"));
    assert_int_equal(get_2("wrong", now + 60, "/box/k", "/box/k", ""), 403);
    assert_true(member_is("Code", "SignatureDoesNotMatch"));
    assert_false(has("CanonicalRequest"));
    assert_int_equal(get_2(secret, now - 1, "/box/k", "/box/k", ""), 403);
    assert_true(member_is("Message", "Request has expired"));
    assert_int_equal(get_2(secret, now + 60, "/box/k", "/box/k", "&x-amz-security-token=none"),
                     400);
    assert_true(member_is("Code", "InvalidToken"));
    assert_int_equal(ask("GET", "/box/k?AWSAccessKeyId=a&Signature=b&Expires=1", NULL, NULL), 403);
    assert_true(member_is("Code", "InvalidAccessKeyId"));
    assert_int_equal(ask("GET", "/box/k?AWSAccessKeyId=a&Signature=b", NULL, NULL), 403);
    assert_true(member_is("Code", "AccessDenied"));
    assert_int_equal(control("bucket", "{\"name\":\"box\",\"region\":\"eu-central-1\"}"), 0);
    assert_int_equal(get_2(secret, now + 60, "/box/k", "/box/k", ""), 400);
    assert_true(has("Please use AWS4-HMAC-SHA256."));
}

static void other_mechanisms_are_refused_with_their_own_words(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/box/k", "Authorization: AWS key:signature\r\n", NULL), 400);
    assert_true(member_is("Code", "InvalidRequest"));
    assert_int_equal(ask("GET", "/box/k", "Authorization: AWS4-HMAC-SHA256 x\r\n", NULL), 400);
    assert_true(member_is("Code", "AuthorizationHeaderMalformed"));
    assert_int_equal(
        ask("GET", "/box/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=1", NULL, NULL), 400);
    assert_true(member_is("Code", "AuthorizationQueryParametersError"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_signed_request_is_answered_and_a_foreign_one_refused),
        T(a_request_for_another_region_is_told_the_right_one),
        T(a_session_token_has_to_be_there_and_alive),
        T(an_unsigned_request_reads_public_buckets_only),
        T(the_body_is_held_against_its_hash_and_nothing_changes_when_it_differs),
        T(a_body_signed_in_chunks_is_decoded_and_each_chunk_verified),
        T(a_presigned_url_works_until_it_expires),
        T(old_regions_take_version_2_in_a_query),
        T(other_mechanisms_are_refused_with_their_own_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
