/*
 * Credentialspecs of a task are there before its first container is created. (taskresource/
 * credentialspec/credentialspec_linux.go; the order in which they are asked for is ours)
 */
#include "agent/engine_gmsa.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- which there are ---- */

static struct gmsa_spec *find(const struct gmsa_work *g, const char *text)
{
    for (size_t i = 0; i < g->n; i++)
        if (str_eq(g->specs[i].text, text))
            return &g->specs[i];
    return NULL;
}

static struct gmsa_work *work_of(struct task *t)
{
    struct gmsa_work *g = t->work->gmsa;

    if (g)
        return g;
    g = t->work->gmsa = new0(struct gmsa_work);
    g->t = t;
    g->specs = new0_array(struct gmsa_spec, t->n_containers + 1);
    for (size_t i = 0; i < t->n_containers; i++) {
        _cleanup_free_ char *text = credential_spec_of(&t->containers[i]);
        struct gmsa_spec *s = text ? find(g, text) : NULL;

        if (text && !s) {
            s = &g->specs[g->n++];
            s->text = steal_ptr(&text);
        }
        if (s)
            s->container = t->containers[i].name;
    }
    return g;
}

static void forget_content(struct gmsa_spec *s)
{
    free(s->content);
    s->content = NULL;
    credential_spec_account_release(&s->account);
}

void engine_free_gmsa(struct task *t)
{
    struct gmsa_work *g = t->work->gmsa;

    if (!g)
        return;
    s3_cancel(g->s3);
    aws_call_cancel(g->aws);
    credfetch_cancel(g->daemon);
    loop_timer_stop(t->work->en->loop, &g->role_wait);
    for (size_t i = 0; i < g->n_deletes; i++)
        credfetch_cancel(g->deletes[i].call);
    for (size_t i = 0; i < g->n; i++) {
        forget_content(&g->specs[i]);
        credential_spec_release(&g->specs[i].spec);
        free(g->specs[i].text);
    }
    free(g->deletes);
    free(g->specs);
    free(g);
    t->work->gmsa = NULL;
}

const char *gmsa_target(const struct task *t, const char *text)
{
    return json_str(t->tickets, text);
}

void gmsa_set_target(struct task *t, const char *text, const char *target)
{
    if (!t->tickets)
        t->tickets = json_object();
    json_put_str(t->tickets, text, target);
    t->work->dirty = true;
}

/* ---- failing and waiting ---- */

void gmsa_fail(struct task *t, const char *why)
{
    log_event(t->work->en->log, LOG_ERROR, "A credentialspec of the task is not to be had", "task",
              t->arn, "error", why, NULL);
    task_set_reason(t, why);
    t->work->dirty |= task_set_desired(t, TASK_STOPPED, t->work->en->log);
    t->work->again = true;
}

static void on_role_wait(struct clock_timer *timer)
{
    struct task *t = container_of(timer, struct gmsa_work, role_wait)->t;

    if (t->desired == TASK_STOPPED)
        return;
    gmsa_fail(t, "credentialspec resource: the execution role credentials did not come in time");
    engine_progress(t);
}

const struct task_credential *gmsa_role(struct task *t)
{
    struct engine *en = t->work->en;
    struct gmsa_work *g = t->work->gmsa;
    const char *id = t->execution_credentials_id;
    const struct task_credential *who =
        id && en->credentials ? task_credentials_get(en->credentials, id) : NULL;

    if (who && who->access_key) {
        loop_timer_stop(en->loop, &g->role_wait);
        return who;
    }
    if (!who)
        gmsa_fail(t, "credentialspec resource: unable to find execution role credentials");
    else if (!clock_timer_armed(&g->role_wait)) /* known from before a restart: it comes again */
        loop_timer_start(en->loop, &g->role_wait, GMSA_ROLE_WAIT, on_role_wait);
    return NULL;
}

/* ---- fetching ---- */

/* Blanks between the words of JSON go: the daemon is told what the official agent tells it. */
static char *compact(const char *text, size_t n)
{
    struct buf b = BUF_INIT(CREDENTIAL_SPEC_SIZE_MAX);
    bool inside = false;

    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"')
            inside = !inside;
        if (inside && text[i] == '\\' && i + 1 < n)
            buf_addc(&b, text[i++]);
        if (inside || !strchr(" \t\r\n", text[i]))
            buf_addc(&b, text[i]);
    }
    return buf_steal(&b, NULL);
}

/* Reads what came for the spec that is asked for. */
static int take(struct gmsa_spec *s, const char *text, size_t n, struct err *e)
{
    if (n > CREDENTIAL_SPEC_SIZE_MAX)
        return err_set(e, ERR_LIMIT, "the credentialspec has more than %u KiB",
                       CREDENTIAL_SPEC_SIZE_MAX >> 10);
    if (credential_spec_read(text, n, s->spec.domainless, &s->account, e) < 0)
        return -1;
    s->content = s->spec.source == SPEC_S3 ? compact(text, n) : xstrndup(text, n);
    s->n = strlen(s->content);
    return 0;
}

static void fetched(struct task *t, struct err *e)
{
    struct gmsa_work *g = t->work->gmsa;

    if (g->renewing) {
        if (e->code != ERR_NONE)
            gmsa_end_renewal(t, e);
        else
            gmsa_renew_next(t);
        return;
    }
    if (e->code != ERR_NONE)
        gmsa_fail(t, e->text);
    engine_progress(t);
}

static void on_object(const char *body, size_t n, const struct err *got, void *user)
{
    struct task *t = user;
    struct gmsa_work *g = t->work->gmsa;
    struct gmsa_spec *s = &g->specs[g->at];
    struct err e = *got;

    g->s3 = NULL;
    if (!body || take(s, body, n, &e) < 0)
        err_wrap(&e, "unable to fetch the credentialspec %s", s->spec.arn);
    fetched(t, &e);
}

static void on_parameter(const struct ecs_answer *a, void *user)
{
    struct task *t = user;
    struct gmsa_work *g = t->work->gmsa;
    struct gmsa_spec *s = &g->specs[g->at];
    const json_t *one = json_array_get(json_object_get(a->body, "Parameters"), 0);
    const char *value = json_str(one, "Value");
    struct err e = a->e;

    g->aws = NULL;
    if (e.code == ERR_NONE && !value)
        err_set(&e, ERR_NOT_FOUND, "invalid parameters: %s", s->spec.where);
    if (e.code != ERR_NONE)
        err_wrap(&e, "fetching secret data from SSM Parameter Store in %s",
                 t->work->en->config->region);
    else if (take(s, value, strlen(value), &e) < 0)
        err_wrap(&e, "%s", s->spec.arn);
    fetched(t, &e);
}

/* A file of the machine, or of the agent's container. */
static int read_file(struct gmsa_spec *s, struct err *e)
{
    _cleanup_buf_ struct buf b = BUF_INIT(CREDENTIAL_SPEC_SIZE_MAX);

    return io_read_file(s->spec.where, &b, e) < 0 ? err_wrap(e, "open")
                                                  : take(s, buf_str(&b), buf_len(&b), e);
}

static int fetch_remote(struct task *t, struct gmsa_spec *s, struct err *e)
{
    struct engine *en = t->work->en;
    struct gmsa_work *g = t->work->gmsa;
    const struct task_credential *who = gmsa_role(t);
    _cleanup_json_ json_t *request = NULL;

    if (!who)
        return 1;
    if (s->spec.source == SPEC_S3) {
        g->s3 = s3_fetch(en->s3, who, s->spec.where, s->spec.key, CREDENTIAL_SPEC_SIZE_MAX,
                         on_object, t, e);
        return g->s3 ? 1 : -1;
    }
    request = json_pack("{s:[s],s:b}", "Names", s->spec.where, "WithDecryption", 1);
    g->aws =
        aws_call_start(en->aws, AWS_SSM, "GetParameters", NULL, who, request, on_parameter, t, e);
    return g->aws ? 1 : -1;
}

/* On Windows only Docker reads a joined instance's files, where they are. */
static bool wants_content(const struct task *t, const struct gmsa_spec *s)
{
    return !t->work->en->config->windows || s->spec.source != SPEC_FILE;
}

int gmsa_fetch_next(struct task *t, struct err *e)
{
    struct gmsa_work *g = t->work->gmsa;

    for (g->at = 0; g->at < g->n; g->at++) {
        struct gmsa_spec *s = &g->specs[g->at];

        if (s->content || (g->renewing ? !s->spec.domainless : gmsa_target(t, s->text) != NULL))
            continue;
        if (!s->spec.where && credential_spec_parse(s->text, &s->spec, e) < 0)
            return -1;
        if (!wants_content(t, s))
            continue;
        if (s->spec.source != SPEC_FILE)
            return fetch_remote(t, s, e);
        if (read_file(s, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- for the engine ---- */

static bool is_complete(const struct task *t, const struct gmsa_work *g)
{
    for (size_t i = 0; i < g->n; i++)
        if (!gmsa_target(t, g->specs[i].text))
            return false;
    return true;
}

bool engine_gmsa_ready(struct task *t)
{
    struct gmsa_work *g = work_of(t);
    struct err e = ERR_INIT;
    int r;

    if (is_complete(t, g))
        return true;
    if (g->s3 || g->aws || g->daemon || t->desired == TASK_STOPPED)
        return false;
    r = gmsa_fetch_next(t, &e);
    if (r < 0)
        gmsa_fail(t, e.text);
    if (r != 0)
        return false;
    return t->work->en->config->windows ? gmsa_write_files(t) : gmsa_lease_next(t);
}

int engine_gmsa_apply(const struct container *c, json_t *body, struct err *e)
{
    _cleanup_free_ char *text = credential_spec_of(c);
    const char *target = text ? gmsa_target(c->task, text) : NULL;

    if (!text)
        return 0;
    if (!target)
        return err_set(e, ERR_NOT_FOUND, "unable to fetch valid credentialspec mapping");
    if (c->work->en->config->windows)
        credential_spec_inject(json_object_get(body, "HostConfig"), target);
    else
        credential_spec_mount(json_object_get(body, "HostConfig"), target);
    return 0;
}

void engine_gmsa_renew(struct task *t)
{
    struct gmsa_work *g = work_of(t);

    t->work->gmsa_due = false;
    if (t->work->en->config->windows || t->desired == TASK_STOPPED || !json_array_size(t->leases))
        return;
    if (g->s3 || g->aws || g->daemon) {
        g->renew_again = true;
        return;
    }
    g->renewing = true;
    for (size_t i = 0; i < g->n; i++) {
        if (!g->specs[i].spec.where)
            credential_spec_parse(g->specs[i].text, &g->specs[i].spec, NULL);
        g->specs[i].asked = false;
        forget_content(&g->specs[i]);
    }
    gmsa_renew_next(t);
}

unsigned int engine_gmsa_release(struct task *t)
{
    work_of(t);
    if (!t->work->en->config->windows)
        return gmsa_start_deletes(t);
    gmsa_remove_files(t);
    return 0;
}
