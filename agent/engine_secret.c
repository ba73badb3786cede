/*
 * Secrets of a task, there before its first container is created: parameters
 * of SSM, ten at a time, and secrets of Secrets Manager, all with the task's
 * execution role. Values are not saved; after a restart they are fetched
 * again when something still has to be created. (taskresource/ssmsecret, asmsecret)
 */
#include "agent/engine_internal.h"
#include "agent/firelens.h"
#include "agent/secret.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

/* One value, however many containers want it. */
struct secret_work {
    const char *value_from, *region; /* of the payload; region may be "" */
    bool asm_;
    char *value;
    char *member; /* of an answer that is under way */
};

/* ---- which there are ---- */

static bool is_asm(const json_t *v)
{
    return str_eq(json_str(v, "provider"), "asm");
}

static struct secret_work *find(const struct task *t, const json_t *v)
{
    struct task_work *tw = t->work;
    const char *from = json_str(v, "valueFrom"), *region = json_str(v, "region");

    for (size_t i = 0; i < tw->n_secrets; i++) {
        struct secret_work *s = &tw->secrets[i];

        if (s->asm_ == is_asm(v) && str_eq(s->value_from, from) &&
            str_eq(s->region, region ? region : ""))
            return s;
    }
    return NULL;
}

static void collect(struct task *t)
{
    struct task_work *tw = t->work;
    const json_t *v;
    size_t n = 0, i;

    for (size_t k = 0; k < t->n_containers; k++)
        n += json_array_size(json_object_get(t->containers[k].spec, "secrets"));
    tw->secrets = new0_array(struct secret_work, n + 1);
    for (size_t k = 0; k < t->n_containers; k++)
        json_array_foreach (json_object_get(t->containers[k].spec, "secrets"), i, v) {
            const char *region = json_str(v, "region"), *from = json_str(v, "valueFrom");

            if (from && !find(t, v))
                tw->secrets[tw->n_secrets++] =
                    (struct secret_work){from, region ? region : "", is_asm(v), NULL, NULL};
        }
}

void engine_free_secrets(struct task *t)
{
    aws_call_cancel(t->work->secret_call);
    for (size_t i = 0; i < t->work->n_secrets; i++) {
        free(t->work->secrets[i].value);
        free(t->work->secrets[i].member);
    }
    free(t->work->secrets);
    t->work->secrets = NULL;
    t->work->n_secrets = 0;
}

/* ---- fetching ---- */

static void fail(struct task *t, const char *why)
{
    log_event(t->work->en->log, LOG_ERROR, "A secret of the task is not to be had", "task", t->arn,
              "error", why, NULL);
    task_set_reason(t, why);
    t->work->dirty |= task_set_desired(t, TASK_STOPPED, t->work->en->log);
    t->work->again = true;
}

static void failf(struct task *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void failf(struct task *t, const char *fmt, ...)
{
    _cleanup_free_ char *why = NULL;
    va_list ap;

    va_start(ap, fmt);
    why = xvasprintf(fmt, ap);
    va_end(ap);
    fail(t, why);
}

static void keep(struct task *t, struct secret_work *s, char *value)
{
    log_secret(t->work->en->log, value);
    s->value = value;
}

static struct secret_work *next_one(struct task *t)
{
    for (size_t i = 0; i < t->work->n_secrets; i++)
        if (!t->work->secrets[i].value)
            return &t->work->secrets[i];
    return NULL;
}

/* Those that were asked for together: the first that is missing, and its kind. */
static bool goes_with(const struct secret_work *first, const struct secret_work *s)
{
    return !s->asm_ && !s->value && str_eq(s->region, first->region);
}

static const char *region_of(const struct task *t, const struct secret_work *s)
{
    return *s->region ? s->region : t->work->en->config->region;
}

static void on_parameters(const struct ecs_answer *a, void *user)
{
    struct task *t = user;
    struct secret_work *first = next_one(t);
    const json_t *invalid = json_object_get(a->body, "InvalidParameters");

    t->work->secret_call = NULL;
    if (a->e.code != ERR_NONE)
        failf(t, "fetching secret data from SSM Parameter Store in %s: %s", region_of(t, first),
              a->e.text);
    else if (json_array_size(invalid))
        failf(t, "fetching secret data from SSM Parameter Store in %s: invalid parameters: %s",
              region_of(t, first), json_string_value(json_array_get(invalid, 0)));
    for (size_t i = 0, n = 0; t->desired != TASK_STOPPED && i < t->work->n_secrets; i++) {
        struct secret_work *s = &t->work->secrets[i];
        const char *value;

        if (!goes_with(first, s) || n++ >= SECRETS_AT_ONCE)
            continue;
        value = secret_parameter(a->body, s->value_from);
        if (value)
            keep(t, s, xstrdup(value));
        else
            failf(t, "fetching secret data from SSM Parameter Store in %s: %s did not come",
                  region_of(t, first), s->value_from);
    }
    engine_progress(t);
}

static void on_secret(const struct ecs_answer *a, void *user)
{
    struct task *t = user;
    struct secret_work *s = next_one(t);
    const char *text = json_str(a->body, "SecretString");
    struct err e = a->e;
    char *value = NULL;

    t->work->secret_call = NULL;
    if (e.code == ERR_NONE && !text)
        err_set(&e, ERR_PEER, "there is no SecretString");
    if (e.code == ERR_NONE)
        value = s->member ? secret_member(text, s->member, &e) : xstrdup(text);
    free(s->member);
    s->member = NULL;
    if (text)
        log_secret(t->work->en->log, text);
    if (value)
        keep(t, s, value);
    else
        failf(t, "trying to retrieve secret with value %s resulted in error: %s", s->value_from,
              e.text);
    engine_progress(t);
}

static int fetch_parameters(struct task *t, struct secret_work *first,
                            const struct task_credential *who, struct err *e)
{
    _cleanup_json_ json_t *request = json_object();
    json_t *names = json_array();

    for (size_t i = 0; i < t->work->n_secrets && json_array_size(names) < SECRETS_AT_ONCE; i++)
        if (goes_with(first, &t->work->secrets[i]))
            json_array_append_new(names, json_string(t->work->secrets[i].value_from));
    json_put(request, "Names", names);
    json_put_bool(request, "WithDecryption", true);
    t->work->secret_call = aws_call_start(t->work->en->aws, AWS_SSM, "GetParameters", first->region,
                                          who, request, on_parameters, t, e);
    return t->work->secret_call ? 0 : -1;
}

static int fetch_secret(struct task *t, struct secret_work *s, const struct task_credential *who,
                        struct err *e)
{
    _cleanup_json_ json_t *request = secret_request(s->value_from, &s->member, e);

    if (!request)
        return -1;
    t->work->secret_call = aws_call_start(t->work->en->aws, AWS_SECRETS_MANAGER, "GetSecretValue",
                                          s->region, who, request, on_secret, t, e);
    return t->work->secret_call ? 0 : -1;
}

bool engine_secrets_ready(struct task *t)
{
    struct task_work *tw = t->work;
    const char *id = t->execution_credentials_id;
    const struct task_credential *who;
    struct secret_work *s;
    struct err e = ERR_INIT;

    if (!tw->secrets)
        collect(t);
    s = next_one(t);
    if (!s)
        return true;
    if (tw->secret_call || t->desired == TASK_STOPPED)
        return false;
    who = id && tw->en->credentials ? task_credentials_get(tw->en->credentials, id) : NULL;
    if (!who)
        failf(t, "%s secret resource: unable to find execution role credentials",
              s->asm_ ? "ASM" : "ssm");
    else if (!who->access_key)
        return false; /* known from before a restart: the service sends them again */
    else if ((s->asm_ ? fetch_secret(t, s, who, &e) : fetch_parameters(t, s, who, &e)) < 0)
        fail(t, e.text);
    return false;
}

/* ---- for the create body ---- */

/* Those of one kind, under their names, or as the variables of a router. */
static void add_vars(json_t *vars, const struct container *c, bool log_driver, bool numbered)
{
    const json_t *v;
    size_t i;

    json_array_foreach (json_object_get(c->spec, "secrets"), i, v) {
        const struct secret_work *s = find(c->task, v);
        const char *name = json_str(v, "name");
        _cleanup_free_ char *key = NULL;

        if (!s || !s->value || !name || str_eq(json_str(v, "target"), "LOG_DRIVER") != log_driver)
            continue;
        key = numbered ? firelens_variable(c, name) : xstrdup(name);
        json_put_str(vars, key, s->value);
    }
}

/* Secrets among the options of FireLens do not go to Docker, but to the router, which puts them
 * into its configuration. (task.go:PopulateSecretLogOptionsToFirelensContainer) */
json_t *engine_secret_vars(const struct container *c, bool log_driver)
{
    json_t *vars = json_object();
    const struct task *t = c->task;

    if (!log_driver || !firelens_logs(c))
        add_vars(vars, c, log_driver, false);
    for (size_t i = 0; !log_driver && firelens_router(t) == c && i < t->n_containers; i++)
        if (firelens_logs(&t->containers[i]))
            add_vars(vars, &t->containers[i], true, true);
    return vars;
}
