#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <credentialsfetcher.pb-c.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/credfetch/credfetch.h"
#include "fakes/credfetch/grpc.h"
#include "fakes/credfetch/spec.h"
#include "fakes/credfetch/test/grpc_client.h"
#include "fakes/s3/s3.h"
#include "fakes/small/small.h"

#define SPEC(name)                                                                                 \
    "{\"DomainJoinConfig\":{\"DnsName\":\"contoso.com\"},\"ActiveDirectoryConfig\":{"              \
    "\"GroupManagedServiceAccounts\":[{\"Name\":\"" name "\"}],\"HostAccountConfig\":{"            \
    "\"PluginInput\":{\"CredentialArn\":\"gmsa/user\"}}}}"
#define INTERNAL      13
#define UNIMPLEMENTED 12

typedef Credentialsfetcher__CreateKerberosLeaseRequest add_request;
typedef Credentialsfetcher__CreateKerberosLeaseResponse add_response;

static struct world w;
static struct fake *f;
static char *dir;
static struct grpc_reply r;

static int begin(void **state)
{
    struct err e = ERR_INIT;
    char *path;

    (void)state;
    dir = io_temp_folder("credfetch", &e);
    path = xasprintf("%s/s", dir);
    if (world_init(&w, 1, &e) < 0 || !(f = world_add(&w, &credfetch_ops, &e)) ||
        fake_listen_unix(f, path, &e) < 0)
        return -1;
    free(path);
    path = xasprintf("%s/krbdir", dir);
    credfetch_set_dir(f, path);
    free(path);
    return 0;
}

static int end(void **state)
{
    (void)state;
    grpc_reply_release(&r);
    world_release(&w);
    io_remove_tree(dir, NULL);
    free(dir);
    return 0;
}

static void control(const char *command, const char *member, const char *value)
{
    struct err e = ERR_INIT;
    json_t *args = json_object(), *ret = NULL;

    json_put_str(args, member, value);
    if (f->ops->control(f, command, args, &ret, &e) < 0)
        fail_msg("%s: %s", command, e.text);
    json_decref(args);
}

static void call(const char *method, const ProtobufCMessage *m)
{
    grpc_reply_release(&r);
    grpc_client_call(f, method, m, &r);
}

static void ask_lease(char **specs, size_t n)
{
    add_request q = GRPC_INIT(add_request, credentialsfetcher__create_kerberos_lease_request);

    q.credspec_contents = specs;
    q.n_credspec_contents = n;
    call("AddKerberosLease", &q.base);
}

static add_response *lease(void)
{
    return credentialsfetcher__create_kerberos_lease_response__unpack(
        NULL, buf_len(&r.body) - 5, (const uint8_t *)buf_str(&r.body) + 5);
}

static void fails(const char *message)
{
    assert_int_equal(r.http, 200);
    assert_int_equal(r.status, INTERNAL);
    assert_string_equal(r.message, message);
    assert_int_equal(buf_len(&r.body), 0);
}

static void a_lease_has_one_ticket_for_each_account(void **state)
{
    char *specs[] = {(char *)(uintptr_t)SPEC("one"), (char *)(uintptr_t)SPEC("two"),
                     (char *)(uintptr_t)SPEC("one")};
    add_response *a;
    char *cache;

    (void)state;
    ask_lease(specs, 3);
    assert_int_equal(r.status, 0);
    assert_true(r.trailers);
    a = lease();
    assert_non_null(a);
    assert_int_equal(strlen(a->lease_id), 20);
    assert_int_equal(a->n_created_kerberos_file_paths, 2);
    assert_true(str_ends(a->created_kerberos_file_paths[0], "/one"));
    assert_true(str_ends(a->created_kerberos_file_paths[1], "/two"));
    cache = xasprintf("%s/krb5cc", a->created_kerberos_file_paths[1]);
    assert_int_equal(access(cache, R_OK), 0);
    free(cache);
    credentialsfetcher__create_kerberos_lease_response__free_unpacked(a, NULL);
}

static void a_deleted_lease_is_gone_and_deleting_it_again_is_no_error(void **state)
{
    Credentialsfetcher__DeleteKerberosLeaseRequest q =
        GRPC_INIT(Credentialsfetcher__DeleteKerberosLeaseRequest,
                  credentialsfetcher__delete_kerberos_lease_request);
    char *specs[] = {(char *)(uintptr_t)SPEC("one")};
    add_response *a;

    (void)state;
    ask_lease(specs, 1);
    a = lease();
    q.lease_id = a->lease_id;
    call("DeleteKerberosLease", &q.base);
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(buf_str(&r.body) + 30, "/one/krb5cc"));
    assert_int_equal(access(a->created_kerberos_file_paths[0], F_OK), -1);
    call("DeleteKerberosLease", &q.base);
    assert_int_equal(r.status, 0);
    assert_int_equal(buf_len(&r.body), 5 + 2 + 20); /* the id alone */
    q.lease_id = (char *)(uintptr_t) "";
    call("DeleteKerberosLease", &q.base);
    fails("Error: lease_id is not valid");
    credentialsfetcher__create_kerberos_lease_response__free_unpacked(a, NULL);
}

static void what_goes_wrong_is_internal_and_said_in_the_daemons_words(void **state)
{
    static const struct {
        const char *spec, *message;
    } rows[] = {
        {"", "ERROR: invalid credentialspec fields"},
        {"{}", "ERROR: invalid credentialspec fields"},
        {SPEC("a b"), "ERROR: invalid credentialspec fields"},
        {SPEC("stranger"), "ERROR: Cannot get gMSA krb ticket"},
    };

    (void)state;
    control("account", "name", "one");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *specs[] = {(char *)(uintptr_t)SPEC("one"), (char *)(uintptr_t)rows[i].spec};

        ask_lease(specs, 2);
        fails(rows[i].message);
    }
    assert_true(list_empty(&((struct credfetch *)f)->leases.all)); /* not even the first ticket */
    control("joined", "name", "no");
    ask_lease((char *[]){(char *)(uintptr_t)SPEC("one")}, 1);
    fails("ERROR: cannot get machine krb ticket");
}

static void ask_domainless(const char *user, const char *password, const char *domain)
{
    Credentialsfetcher__CreateNonDomainJoinedKerberosLeaseRequest q =
        GRPC_INIT(Credentialsfetcher__CreateNonDomainJoinedKerberosLeaseRequest,
                  credentialsfetcher__create_non_domain_joined_kerberos_lease_request);
    char *specs[] = {(char *)(uintptr_t)SPEC("one")};

    q.credspec_contents = specs;
    q.n_credspec_contents = 1;
    q.username = (char *)(uintptr_t)user;
    q.password = (char *)(uintptr_t)password;
    q.domain = (char *)(uintptr_t)domain;
    call("AddNonDomainJoinedKerberosLease", &q.base);
}

static void a_user_of_the_domain_fetches_and_renews(void **state)
{
    Credentialsfetcher__RenewNonDomainJoinedKerberosLeaseRequest q =
        GRPC_INIT(Credentialsfetcher__RenewNonDomainJoinedKerberosLeaseRequest,
                  credentialsfetcher__renew_non_domain_joined_kerberos_lease_request);
    struct credfetch *c = (struct credfetch *)f;
    struct lease *l;

    (void)state;
    control("joined", "name", "no");
    ask_domainless("svc", "pw", "contoso.com");
    assert_int_equal(r.status, 0);
    l = container_of(c->leases.all.next, struct lease, link);
    assert_string_equal(l->tickets[0].user, "svc");
    q.username = (char *)(uintptr_t) "svc";
    q.password = (char *)(uintptr_t) "pw";
    q.domain = (char *)(uintptr_t) "contoso.com";
    call("RenewNonDomainJoinedKerberosLease", &q.base);
    assert_int_equal(r.status, 0);
    assert_int_equal(buf_len(&r.body), 5); /* the real one lists none either */
    assert_int_equal(l->tickets[0].renewed, 1);
    control("user", "name", "somebody");
    ask_domainless("svc", "pw", "contoso.com");
    fails("ERROR: -1: cannot retrieve domainless user kerberos tickets");
    ask_domainless("s*c", "pw", "contoso.com");
    fails("Error: invalid domainName/username");
    ask_domainless("svc", "pw", "contoso..com");
    fails("Error: invalid domainName/username");
    ask_domainless("svc", "", "contoso.com");
    assert_int_equal(r.status, INTERNAL);
}

/* The journal's record of the last call. */
static const struct record *last(const char *what, enum record_kind kind)
{
    for (size_t i = w.journal.n; i-- > 0;)
        if (w.journal.records[i]->kind == kind && str_eq(w.journal.records[i]->what, what))
            return w.journal.records[i];
    return NULL;
}

static void the_journal_has_json_and_no_password(void **state)
{
    const struct record *q;
    json_t *body;

    (void)state;
    ask_domainless("svc", "hunter22", "contoso.com");
    q = last("AddNonDomainJoinedKerberosLease", RECORD_REQUEST);
    assert_non_null(q);
    body = json_object_get(q->data, "body");
    assert_string_equal(json_str(body, "username"), "svc");
    assert_string_equal(json_str(body, "password"), "***");
    q = last("AddNonDomainJoinedKerberosLease", RECORD_ANSWER);
    body = json_object_get(q->data, "body");
    assert_int_equal(strlen(json_str(body, "lease_id")), 20);
}

static void the_daemon_fetches_arns_by_itself(void **state)
{
    Credentialsfetcher__KerberosArnLeaseRequest q =
        GRPC_INIT(Credentialsfetcher__KerberosArnLeaseRequest,
                  credentialsfetcher__kerberos_arn_lease_request);
    Credentialsfetcher__RenewKerberosArnLeaseRequest again =
        GRPC_INIT(Credentialsfetcher__RenewKerberosArnLeaseRequest,
                  credentialsfetcher__renew_kerberos_arn_lease_request);
    char *arns[] = {(char *)(uintptr_t) "arn:aws:s3:::specs/one.json#task-1/one"};
    struct err e = ERR_INIT;
    struct fake *s3 = world_add(&w, &s3_ops, &e), *aws = world_add(&w, &small_ops, &e);
    json_t *args, *ret = NULL;

    (void)state;
    args = json_pack("{s:s}", "name", "specs");
    assert_int_equal(s3->ops->control(s3, "bucket", args, &ret, &e), 0);
    json_decref(args);
    args = json_pack("{s:s,s:s}", "name", "specs/one.json", "body", SPEC("one"));
    if (s3->ops->control(s3, "object", args, &ret, &e) < 0)
        fail_msg("%s", e.text);
    json_decref(args);
    q.credspec_arns = arns;
    q.n_credspec_arns = 1;
    q.access_key_id = again.access_key_id = (char *)(uintptr_t) "AKIA";
    q.secret_access_key = again.secret_access_key = (char *)(uintptr_t) "secret";
    q.session_token = again.session_token = (char *)(uintptr_t) "token";
    call("AddKerberosArnLease", &q.base);
    fails("Error: access credentials should not be empty");
    q.region = again.region = (char *)(uintptr_t) "us-west-2";
    call("AddKerberosArnLease", &q.base);
    fails("ERROR: invalid domainName/username"); /* there is no secret */
    args = json_pack("{s:s,s:s}", "name", "gmsa/user", "value",
                     "{\"username\":\"svc\",\"password\":\"pw\",\"domainName\":\"contoso.com\"}");
    aws->ops->control(aws, "secret", args, &ret, &e);
    json_decref(args);
    call("AddKerberosArnLease", &q.base);
    assert_int_equal(r.status, 0);
    assert_non_null(memmem(buf_str(&r.body), buf_len(&r.body), "/krbdir/task-1/one", 18));
    call("AddKerberosArnLease", &q.base);
    fails("ERROR: found duplicate mount paths");
    call("RenewKerberosArnLease", &again.base);
    assert_int_equal(r.status, 0);
    assert_non_null(memmem(buf_str(&r.body), buf_len(&r.body), "successful", 10));
}

static void health_is_ok(void **state)
{
    Credentialsfetcher__HealthCheckRequest q =
        GRPC_INIT(Credentialsfetcher__HealthCheckRequest, credentialsfetcher__health_check_request);

    (void)state;
    q.service = (char *)(uintptr_t) "cfservice";
    call("HealthCheck", &q.base);
    assert_int_equal(r.status, 0);
    assert_memory_equal(buf_str(&r.body), "\0\0\0\0\4\n\2OK", 9);
}

static void what_is_no_call_is_told_so(void **state)
{
    static const char path[] = "/credentialsfetcher.CredentialsFetcherService/HealthCheck";

    (void)state;
    grpc_client_send(f, "/credentialsfetcher.CredentialsFetcherService/Other", "application/grpc",
                     "\0\0\0\0\0", 5, &r);
    assert_int_equal(r.status, UNIMPLEMENTED);
    grpc_reply_release(&r);
    grpc_client_send(f, path, "application/json", "{}", 2, &r);
    assert_int_equal(r.http, 415);
    assert_int_equal(r.status, -1);
    grpc_reply_release(&r);
    grpc_client_send(f, path, "application/grpc", "\0\0\0\0\2\n\7", 7, &r);
    assert_int_equal(r.status, INTERNAL);
    grpc_reply_release(&r);
    grpc_client_send(f, path, "application/grpc", "\1\0\0\0\0", 5, &r);
    assert_int_equal(r.status, UNIMPLEMENTED);
    grpc_reply_release(&r);
    grpc_client_send(f, path, "application/grpc", "\0\0\0\0\7xy", 7, &r);
    assert_int_equal(r.status, INTERNAL);
}

static void a_peer_that_speaks_no_http2_is_journaled_as_such(void **state)
{
    struct peer p;

    (void)state;
    peer_connect(&p, f);
    peer_send(&p, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(peer_wait_end(&p));
    peer_close(&p);
    assert_non_null(last("malformed", RECORD_REQUEST));
}

static void after_a_crash_the_socket_is_there_and_refuses(void **state)
{
    const char *path = str_after(f->url, "unix://");
    struct peer p;

    (void)state;
    control("down", "socket", "stays");
    assert_int_equal(access(path, F_OK), 0);
    peer_connect(&p, f);
    assert_true(p.reset);
    peer_close(&p);
    control("up", "name", "");
    health_is_ok(state);
    control("down", "socket", "goes");
    peer_settle(&w);
    assert_int_equal(access(path, F_OK), -1);
    control("up", "name", "");
    health_is_ok(state);
}

static void faults_hit_streams_as_they_hit_requests(void **state)
{
    static const enum fault_kind kinds[] = {FAULT_RESET_BEFORE, FAULT_RESET_AFTER, FAULT_CLOSE,
                                            FAULT_GARBAGE};
    Credentialsfetcher__HealthCheckRequest q =
        GRPC_INIT(Credentialsfetcher__HealthCheckRequest, credentialsfetcher__health_check_request);
    struct fault *fault;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        fault_table_add(&w.faults, NULL, "credfetch", "HealthCheck", kinds[i])->first = 1;
        call("HealthCheck", &q.base);
        assert_int_equal(r.http, 0);
    }
    fault = fault_table_add(&w.faults, NULL, "credfetch", "HealthCheck", FAULT_CUT);
    fault->first = 1;
    fault->bytes = 20;
    call("HealthCheck", &q.base);
    assert_int_equal(r.status, -1);
    fault = fault_table_add(&w.faults, NULL, "credfetch", "HealthCheck", FAULT_STATUS);
    fault->first = 1;
    fault->status = 502;
    call("HealthCheck", &q.base);
    assert_int_equal(r.http, 502);
    fault = fault_table_add(&w.faults, NULL, "credfetch", "HealthCheck", FAULT_ERROR);
    fault->first = 1;
    fault->type = xstrdup("RESOURCE_EXHAUSTED");
    fault->text = xstrdup("50% more, please");
    call("HealthCheck", &q.base);
    assert_int_equal(r.status, 8);
    assert_string_equal(r.message, "50%25 more, please");
    health_is_ok(state);
}

static void names_of_domains_and_accounts_follow_the_rules(void **state)
{
    (void)state;
    assert_true(spec_domain_ok("contoso.com"));
    assert_true(spec_domain_ok("a"));
    assert_false(spec_domain_ok(""));
    assert_false(spec_domain_ok("-a.com"));
    assert_false(spec_domain_ok("a_b.com"));
    assert_false(spec_domain_ok("a.com."));
    assert_true(spec_account_ok("WebApp01"));
    assert_false(spec_account_ok("web$app"));
    assert_false(spec_account_ok("web/app"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(a_lease_has_one_ticket_for_each_account),
        T(a_deleted_lease_is_gone_and_deleting_it_again_is_no_error),
        T(what_goes_wrong_is_internal_and_said_in_the_daemons_words),
        T(a_user_of_the_domain_fetches_and_renews),
        T(the_journal_has_json_and_no_password),
        T(the_daemon_fetches_arns_by_itself),
        T(health_is_ok),
        T(what_is_no_call_is_told_so),
        T(a_peer_that_speaks_no_http2_is_journaled_as_such),
        T(after_a_crash_the_socket_is_there_and_refuses),
        T(faults_hit_streams_as_they_hit_requests),
        cmocka_unit_test(names_of_domains_and_accounts_follow_the_rules),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
