/*
 * Leases of Kerberos tickets for a task: asked for, renewed when the service sends new
 * credentials for the execution role, and given back when the task is cleaned up.
 *
 * Better than the official agent, on purpose: every lease is given back (it remembers the last one
 * of a task), two specs of one account get its ticket both, a daemon that cannot be reached when a
 * task is cleaned up is no reason to fall over, and joined and domainless specs in one task are
 * each what they say.
 */
#include "agent/engine_gmsa.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

static bool is_open(const struct task *t, const struct gmsa_spec *s, bool domainless)
{
    return s->spec.domainless == domainless && !s->asked && !gmsa_target(t, s->text);
}

/* ---- leases ---- */

static void keep_lease(struct task *t, const char *id)
{
    if (!*id)
        return;
    if (!t->leases)
        t->leases = json_array();
    json_array_append_new(t->leases, json_string(id));
    t->work->dirty = true;
}

/* The lease is saved before anything is made with it. */
static void on_lease(const struct credfetch_answer *a, void *user)
{
    struct task *t = user;
    struct gmsa_work *g = t->work->gmsa;

    g->daemon = NULL;
    if (a->e.code != ERR_NONE) {
        gmsa_fail(t, a->e.text);
        engine_progress(t);
        return;
    }
    keep_lease(t, a->lease_id);
    for (size_t i = 0; i < g->n; i++) {
        struct gmsa_spec *s = &g->specs[i];
        const char *folder;

        if (!s->asked || gmsa_target(t, s->text))
            continue;
        folder = s->spec.domainless ? (a->n_paths ? a->paths[0] : NULL)
                                    : credential_spec_folder(&s->account, a->paths, a->n_paths);
        if (folder)
            gmsa_set_target(t, s->text, folder);
    }
    engine_save_changes(t->work->en, t);
    engine_progress(t);
    if (g->renew_again) {
        g->renew_again = false;
        engine_gmsa_renew(t);
    }
}

static int start(struct task *t, const struct credfetch_request *q, credfetch_fn fn, struct err *e)
{
    struct gmsa_work *g = t->work->gmsa;

    g->daemon = credfetch_start(t->work->en->credfetch, q, fn, t, e);
    return g->daemon ? 0 : -1;
}

/* One lease for all specs of an instance that is joined. 0: there is nothing to ask for. */
static int lease_joined(struct task *t, struct err *e)
{
    struct gmsa_work *g = t->work->gmsa;
    const char **specs = new0_array(const char *, g->n + 1);
    size_t n = 0;
    int r = 0;

    for (size_t i = 0; i < g->n; i++)
        if (is_open(t, &g->specs[i], false)) {
            g->specs[i].asked = true;
            specs[n++] = g->specs[i].content;
        }
    if (n)
        r = start(
                t,
                &(struct credfetch_request){.method = CREDFETCH_ADD, .specs = specs, .n_specs = n},
                on_lease, e) < 0
                ? -1
                : 1;
    free(specs);
    return r;
}

/* ---- as a user of the domain ---- */

/* What a secret says of the user; texts are borrowed from *ret_root, a new reference. */
static int read_user(const char *text, struct credfetch_user *ret, json_t **ret_root, struct err *e)
{
    json_t *root = text ? json_read(text, strlen(text), JSON_READ_PEER, NULL) : NULL;
    const char *name = json_str(root, "username"), *password = json_str(root, "password");
    const char *domain = json_str(root, "domainName");

    *ret_root = root;
    /* what the secret holds must not reach an error */
    if (!json_is_object(root))
        return err_set(e, ERR_PARSE,
                       "failed to parse asmSecretData for the gMSA AD user: it is "
                       "no JSON object");
    *ret =
        (struct credfetch_user){name ? name : "", password ? password : "", domain ? domain : ""};
    return 0;
}

static void on_renewed(const struct credfetch_answer *a, void *user);

static int ask_as_user(struct task *t, const struct credfetch_user *user, struct err *e)
{
    struct gmsa_work *g = t->work->gmsa;
    struct gmsa_spec *s = &g->specs[g->at];
    const char *const specs[] = {s->content};
    struct credfetch_request q = {.method = CREDFETCH_ADD_DOMAINLESS, .user = *user};

    if (g->renewing) {
        q.method = CREDFETCH_RENEW;
        return start(t, &q, on_renewed, e);
    }
    q.specs = specs;
    q.n_specs = 1;
    return start(t, &q, on_lease, e);
}

void gmsa_end_renewal(struct task *t, const struct err *e)
{
    struct gmsa_work *g = t->work->gmsa;

    if (e->code != ERR_NONE)
        log_event(t->work->en->log, LOG_ERROR, "Tickets cannot be renewed", "task", t->arn, "error",
                  e->text, NULL);
    g->renewing = false;
}

static void on_secret(const struct ecs_answer *a, void *user)
{
    struct task *t = user;
    struct gmsa_work *g = t->work->gmsa;
    const struct gmsa_spec *s = &g->specs[g->at];
    const char *text = json_str(a->body, "SecretString");
    _cleanup_json_ json_t *root = NULL;
    struct credfetch_user who;
    struct err e = a->e;

    g->aws = NULL;
    log_secret(t->work->en->log, text);
    if (e.code != ERR_NONE)
        err_wrap(&e, "failed to retrieve credentials for domainless gMSA user %s",
                 s->account.user_arn);
    else if (read_user(text, &who, &root, &e) == 0) {
        log_secret(t->work->en->log, who.password);
        ask_as_user(t, &who, &e);
    }
    if (e.code == ERR_NONE)
        return;
    if (g->renewing) {
        gmsa_end_renewal(t, &e);
        return;
    }
    gmsa_fail(t, e.text);
    engine_progress(t);
}

static int ask_for_user(struct task *t, struct gmsa_spec *s, struct err *e)
{
    struct gmsa_work *g = t->work->gmsa;
    const struct task_credential *who = gmsa_role(t);
    _cleanup_json_ json_t *request = json_object();

    if (!who)
        return 1;
    s->asked = true;
    json_put_str(request, "SecretId", s->account.user_arn);
    g->aws = aws_call_start(t->work->en->aws, AWS_SECRETS_MANAGER, "GetSecretValue", NULL, who,
                            request, on_secret, t, e);
    return g->aws ? 1 : -1;
}

static int lease_domainless(struct task *t, struct err *e)
{
    struct gmsa_work *g = t->work->gmsa;

    for (g->at = 0; g->at < g->n; g->at++) {
        struct gmsa_spec *s = &g->specs[g->at];

        if (is_open(t, s, true) && *s->account.user_arn)
            return ask_for_user(t, s, e);
    }
    return 0;
}

bool gmsa_lease_next(struct task *t)
{
    struct err e = ERR_INIT;
    int r = lease_joined(t, &e);

    if (r == 0)
        r = lease_domainless(t, &e);
    if (r < 0)
        gmsa_fail(t, e.text);
    return r == 0;
}

/* ---- renewal ---- */

static bool is_renewed(const struct gmsa_work *g, const char *user_arn)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->specs[i].asked && str_eq(g->specs[i].account.user_arn, user_arn))
            return true;
    return false;
}

static void on_renewed(const struct credfetch_answer *a, void *user)
{
    struct task *t = user;

    t->work->gmsa->daemon = NULL;
    if (a->e.code != ERR_NONE)
        gmsa_end_renewal(t, &a->e);
    else
        gmsa_renew_next(t);
}

void gmsa_renew_next(struct task *t)
{
    struct gmsa_work *g = t->work->gmsa;
    struct err e = ERR_INIT;
    int r = g->renewing ? gmsa_fetch_next(t, &e) : 1;

    for (g->at = r == 0 ? 0 : g->at; r == 0 && g->at < g->n; g->at++) {
        struct gmsa_spec *s = &g->specs[g->at];

        if (!s->spec.domainless || !*s->account.user_arn || is_renewed(g, s->account.user_arn))
            continue;
        r = ask_for_user(t, s, &e);
        if (r == 1)
            return;
    }
    if (r <= 0)
        gmsa_end_renewal(t, &e);
}

/* ---- giving back ---- */

static void on_deleted(const struct credfetch_answer *a, void *user)
{
    struct gmsa_delete *d = user;
    struct task *t = d->t;

    d->call = NULL;
    if (a->e.code != ERR_NONE)
        log_event(t->work->en->log, LOG_WARN, "Tickets are left behind", "task", t->arn, "error",
                  a->e.text, NULL);
    engine_removed(t, &(struct docker_result){.ok = true});
}

unsigned int gmsa_start_deletes(struct task *t)
{
    struct gmsa_work *g = t->work->gmsa;
    unsigned int under_way = 0;
    const json_t *v;
    size_t i;

    if (g->deletes)
        return 0;
    g->n_deletes = json_array_size(t->leases);
    g->deletes = new0_array(struct gmsa_delete, g->n_deletes + 1);
    json_array_foreach (t->leases, i, v) {
        const struct credfetch_request q = {.method = CREDFETCH_DELETE,
                                            .lease_id = json_string_value(v)};
        struct err e = ERR_INIT;

        g->deletes[i].t = t;
        g->deletes[i].call =
            credfetch_start(t->work->en->credfetch, &q, on_deleted, &g->deletes[i], &e);
        if (g->deletes[i].call)
            under_way++;
        else
            log_event(t->work->en->log, LOG_WARN, "Tickets are left behind", "task", t->arn,
                      "error", e.text, NULL);
    }
    return under_way;
}
