/*
 * With which credentials a container's image is pulled: those of its
 * registryAuthentication (a token of ECR, a secret of Secrets Manager), else
 * those that ECS_ENGINE_AUTH_DATA has for its registry.
 *
 * Secrets are fetched once for the task with its execution role, before any of
 * its images is looked for, and kept in memory only. A role whose credentials are
 * not there is waited for. A token of ECR is fetched
 * when it is needed; without one there is no pull and no second try. (dockerapi/
 * docker_client.go:getAuthdata, taskresource/asmauth, asm/asm.go)
 */
#include "agent/engine_internal.h"
#include "agent/reason.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

/* One secret, however many containers want it. */
struct login_work {
    const char *secret, *region; /* of the payload; region may be "" */
    json_t *login;               /* NULL: it is not there yet */
};

static const json_t *authentication(const struct container *c)
{
    return json_object_get(c->spec, "registryAuthentication");
}

static const json_t *ecr_data(const struct container *c)
{
    const json_t *a = authentication(c);

    return str_eq(json_str(a, "type"), "ecr") ? json_object_get(a, "ecrAuthData") : NULL;
}

static const json_t *asm_data(const struct container *c)
{
    const json_t *a = authentication(c);

    return str_eq(json_str(a, "type"), "asm") ? json_object_get(a, "asmAuthData") : NULL;
}

static const struct task_credential *execution_role(const struct task *t)
{
    const struct engine *en = t->work->en;
    const char *id = t->execution_credentials_id;

    return id && en->credentials ? task_credentials_get(en->credentials, id) : NULL;
}

/* ---- secrets of the task ---- */

static struct login_work *find(const struct task *t, const json_t *asm_)
{
    struct task_work *tw = t->work;
    const char *secret = json_str(asm_, "credentialsParameter"), *region = json_str(asm_, "region");

    for (size_t i = 0; secret && i < tw->n_logins; i++)
        if (str_eq(tw->logins[i].secret, secret) &&
            str_eq(tw->logins[i].region, region ? region : ""))
            return &tw->logins[i];
    return NULL;
}

static void collect(struct task *t)
{
    struct task_work *tw = t->work;

    tw->logins = new0_array(struct login_work, t->n_containers + 1);
    for (size_t i = 0; i < t->n_containers; i++) {
        const json_t *a = asm_data(&t->containers[i]);
        const char *secret = json_str(a, "credentialsParameter"), *region = json_str(a, "region");

        if (secret && !find(t, a))
            tw->logins[tw->n_logins++] = (struct login_work){secret, region ? region : "", NULL};
    }
}

void engine_free_logins(struct task *t)
{
    struct task_work *tw = t->work;

    aws_call_cancel(tw->login_call);
    for (size_t i = 0; i < tw->n_logins; i++)
        json_decref(tw->logins[i].login);
    free(tw->logins);
    tw->logins = NULL;
    tw->n_logins = 0;
}

static struct login_work *next_one(struct task *t)
{
    for (size_t i = 0; i < t->work->n_logins; i++)
        if (!t->work->logins[i].login)
            return &t->work->logins[i];
    return NULL;
}

static void fail(struct task *t, const char *why)
{
    log_event(t->work->en->log, LOG_ERROR, "Credentials of a registry are not to be had", "task",
              t->arn, "error", why, NULL);
    task_set_reason(t, why);
    t->work->dirty |= task_set_desired(t, TASK_STOPPED, t->work->en->log);
    t->work->again = true;
}

/* The value of a secret as X-Registry-Auth says it; the errors' words are the official agent's. */
static json_t *login_of(const char *text, struct err *e)
{
    _cleanup_json_ json_t *v = NULL;
    const char *username, *password;
    json_t *login;

    if (!text || !*text) {
        err_set(e, ERR_PEER, "asm fetching authorization data: empty secrets value");
        return NULL;
    }
    v = json_read(text, strlen(text), JSON_READ_PEER, NULL);
    username = json_str(v, "username");
    password = json_str(v, "password");
    if (!json_is_object(v)) {
        err_set(e, ERR_PEER,
                "asm fetching authorization data: unable to unmarshal secret value, "
                "invalid schema");
    } else if (!username || !*username) {
        err_set(e, ERR_PEER, "asm fetching username: AuthorizationData is malformed, empty field");
    } else if (!password || !*password) {
        err_set(e, ERR_PEER, "asm fetching password: AuthorizationData is malformed, empty field");
    } else {
        login = json_object();
        json_put_str(login, "username", username);
        json_put_str(login, "password", password);
        return login;
    }
    return NULL;
}

static void on_secret(const struct ecs_answer *a, void *user)
{
    struct task *t = user;
    struct login_work *l = next_one(t);
    const char *text = json_str(a->body, "SecretString");
    struct err e = a->e;

    t->work->login_call = NULL;
    log_secret(t->work->en->log, text);
    if (e.code != ERR_NONE)
        err_wrap(&e, "asm fetching secret from the service for %s", l->secret);
    else
        l->login = login_of(text, &e);
    if (l->login)
        log_secret(t->work->en->log, json_str(l->login, "password"));
    else
        fail(t, e.text);
    engine_progress(t);
}

static void fetch(struct task *t, struct login_work *l, const struct task_credential *who)
{
    _cleanup_json_ json_t *request = json_object();
    struct err e = ERR_INIT;

    json_put_str(request, "SecretId", l->secret);
    t->work->login_call = aws_call_start(t->work->en->aws, AWS_SECRETS_MANAGER, "GetSecretValue",
                                         l->region, who, request, on_secret, t, &e);
    if (!t->work->login_call)
        fail(t, e.text);
}

static bool wants_role(const struct container *c)
{
    return json_bool(ecr_data(c), "useExecutionRole", false);
}

bool engine_logins_ready(struct container *c)
{
    struct task *t = c->task;
    struct task_work *tw = t->work;
    const struct task_credential *who = execution_role(t);
    struct login_work *l;

    if (!tw->logins)
        collect(t);
    l = next_one(t);
    if (asm_data(c) ? !l : !wants_role(c))
        return true;
    if (!who || !who->access_key)
        return false; /* the service sends them, after a restart once more */
    if (!asm_data(c))
        return true;
    if (!tw->login_call && t->desired != TASK_STOPPED)
        fetch(t, l, who);
    return false;
}

/* ---- for one image ---- */

static int question(const struct container *c, struct ecr_auth_question *ret, struct err *e)
{
    const json_t *data = ecr_data(c);
    const char *registry = json_str(data, "registryId");

    *ret = (struct ecr_auth_question){
        .registry_id = registry ? registry : "",
        .region = json_str(data, "region"),
        .endpoint = json_str(data, "endpointOverride"),
        .image = c->image,
    };
    if (!wants_role(c))
        return 0;
    ret->who = execution_role(c->task);
    if (!ret->who)
        return err_set(e, ERR_NOT_FOUND, "engine ecr credentials: not found");
    return 0;
}

static void on_token(const json_t *login, const struct err *e, void *user)
{
    struct container *c = user;

    c->work->login_call = NULL;
    c->work->on_login(c, login, e);
}

void engine_login(struct container *c, engine_login_fn fn)
{
    struct container_work *w = c->work;
    struct engine *en = w->en;
    struct ecr_auth_question q;
    struct ecr_auth_call *call;
    struct err e = ERR_INIT;
    const struct login_work *l;

    w->on_login = fn;
    if (ecr_data(c)) {
        if (question(c, &q, &e) < 0) {
            fn(c, NULL, &e);
            return;
        }
        call = ecr_auth_get(en->ecr, &q, on_token, c);
        if (call)
            w->login_call = call;
        return;
    }
    l = find(c->task, asm_data(c));
    fn(c, l ? l->login : registry_auth_for(en->registries, c->image), &e);
}

/* What registries and dockerd say when they do not take a token. */
static bool is_refusal(const char *message)
{
    static const char *const words[] = {"unauthorized", "no basic auth credentials",
                                        "authorization token has expired", "401 "};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strstr(message, words[i]))
            return true;
    return false;
}

void engine_login_refused(struct container *c, const char *message)
{
    struct ecr_auth_question q;
    struct err e = ERR_INIT;

    if (ecr_data(c) && is_refusal(message) && question(c, &q, &e) == 0)
        ecr_auth_forget(c->work->en->ecr, &q);
}

void engine_login_cancel(struct container *c)
{
    ecr_auth_cancel(c->work->login_call);
    c->work->login_call = NULL;
}
