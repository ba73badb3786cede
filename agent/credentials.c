#include "agent/credentials.h"
#include "agent/shared_credentials.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/ecs_operation.h"
#include "proto/limits.h"

#define ROLE_PATH     "meta-data/iam/security-credentials/"
#define REFRESH_AHEAD (300 * NS_PER_S)
/* Between two tries when less is left than that. */
#define REFRESH_MIN (1 * NS_PER_S)
#define REFRESH_MAX (60 * NS_PER_S)

struct credentials {
    struct loop *loop;
    struct imds *imds;
    const struct config *config;
    struct log *log;
    char *access_key, *secret_key, *session_token;
    int64_t expires; /* wall; 0: never */
    size_t source;   /* place in the order of who is asked now */
    struct err why;  /* of the first that had none, but for files that are not there */
    struct clock_timer refresh;
    credentials_fn fn;
    void *user;
};

static void tell(struct credentials *c, const struct err *e)
{
    credentials_fn fn = c->fn;

    c->fn = NULL;
    if (fn)
        fn(e, c->user);
}

static void on_refresh(struct clock_timer *t);

/* Five minutes before the end; with less left, when half of it is over, again and again. */
static void arm_refresh(struct credentials *c)
{
    int64_t left = c->expires - loop_wall(c->loop), wait = left - REFRESH_AHEAD;

    if (!c->expires)
        wait = REFRESH_MAX;
    else if (wait < REFRESH_MAX) {
        wait = left / 2 < REFRESH_MAX ? left / 2 : REFRESH_MAX;
        wait = wait < REFRESH_MIN ? REFRESH_MIN : wait;
    }
    loop_timer_start(c->loop, &c->refresh, wait, on_refresh);
}

/* Takes the texts over. */
static void set(struct credentials *c, char *access, char *secret, char *token)
{
    log_secret(c->log, secret);
    log_secret(c->log, token);
    free(c->access_key);
    free(c->secret_key);
    free(c->session_token);
    c->access_key = access;
    c->secret_key = secret;
    c->session_token = token;
    c->expires = 0;
}

/* Takes the role's JSON over. -1 when a member is missing. */
static int take(struct credentials *c, const char *body, struct err *e)
{
    _cleanup_json_ json_t *j = json_read(body, strlen(body), JSON_READ_PEER, e);
    const char *access, *secret, *token, *expiration;

    if (!j || json_need_str(j, "AccessKeyId", &access, e) < 0 ||
        json_need_str(j, "SecretAccessKey", &secret, e) < 0)
        return -1;
    token = json_str(j, "Token");
    set(c, xstrdup(access), xstrdup(secret), xstrdup(token));
    expiration = json_str(j, "Expiration");
    if (expiration && str_parse_time(expiration, &c->expires) == 0)
        arm_refresh(c);
    return 0;
}

/* A failed refresh is tried again; the old credentials may live a little longer. */
static void failed(struct credentials *c, struct err *e)
{
    if (c->access_key) {
        log_event(c->log, LOG_WARN, "The credentials could not be renewed: trying again", "error",
                  e->text, NULL);
        arm_refresh(c);
    }
    tell(c, e);
}

/* --- who is asked, one after the other -------------------------------------------------------- */

static void ask(struct credentials *c);

enum source { ENVIRONMENT, SHARED_FILE, ROLE, ROTATING_FILE };

static const enum source orders[2][4] = {
    {ENVIRONMENT, SHARED_FILE, ROLE, ROTATING_FILE},
    {ENVIRONMENT, ROTATING_FILE, SHARED_FILE, ROLE}, /* of an external instance */
};

static void ask_next(struct credentials *c, const struct err *why)
{
    if (c->why.code == ERR_NONE && why->code != ERR_NOT_FOUND)
        c->why = *why;
    c->source++;
    ask(c);
}

static void on_role(const char *body, const struct err *got, void *user)
{
    struct credentials *c = user;
    struct err e = *got;

    if (body && take(c, body, &e) == 0) {
        tell(c, &e);
        return;
    }
    err_wrap(&e, "credentials of the instance's role");
    ask_next(c, &e);
}

static void on_role_name(const char *body, const struct err *got, void *user)
{
    struct credentials *c = user;
    _cleanup_free_ char *path = NULL;

    if (!body) {
        struct err e = *got;

        if (e.code == ERR_NOT_FOUND) /* unlike a file that is not there, this is worth a word */
            e.code = ERR_PEER;
        err_wrap(&e, "credentials of the instance's role");
        ask_next(c, &e);
        return;
    }
    path = xasprintf(ROLE_PATH "%.*s", (int)strcspn(body, "\r\n"), body);
    imds_get(c->imds, path, on_role, c);
}

static void on_refresh(struct clock_timer *t)
{
    struct credentials *c = container_of(t, struct credentials, refresh);

    c->source = 0;
    c->why = (struct err)ERR_INIT;
    ask(c);
}

static void ask_file(struct credentials *c, const char *path, const char *profile, bool rotating)
{
    struct shared_credentials got;
    struct err e = ERR_INIT;

    if (shared_credentials_read(path, profile, &got, &e) < 0) {
        ask_next(c, &e);
        return;
    }
    set(c, got.access_key, got.secret_key, got.session_token);
    if (rotating)
        loop_timer_start(c->loop, &c->refresh, ROTATING_INTERVAL, on_refresh);
    tell(c, &e);
}

static void ask_environment(struct credentials *c)
{
    const struct config *conf = c->config;
    struct err none = ERR_INIT;

    if (!conf->access_key || !*conf->access_key || !conf->secret_key || !*conf->secret_key) {
        err_set(&none, ERR_NOT_FOUND, "the environment has no credentials");
        ask_next(c, &none);
        return;
    }
    set(c, xstrdup(conf->access_key), xstrdup(conf->secret_key),
        conf->session_token && *conf->session_token ? xstrdup(conf->session_token) : NULL);
    tell(c, &none);
}

static void ask(struct credentials *c)
{
    const enum source *order = orders[c->config->external.on];

    if (c->source == ARRAY_SIZE(orders[0])) {
        if (c->why.code == ERR_NONE)
            err_set(&c->why, ERR_AUTH,
                    "none in the environment, in " ROTATING_CREDENTIALS ", in %s, or of a role",
                    c->config->credentials_file);
        failed(c, &c->why);
        return;
    }
    switch (order[c->source]) {
    case ENVIRONMENT:
        ask_environment(c);
        break;
    case SHARED_FILE:
        ask_file(c, c->config->credentials_file, "default", false);
        break;
    case ROTATING_FILE:
        ask_file(c, ROTATING_CREDENTIALS, c->config->credential_profile, true);
        break;
    case ROLE:
        imds_get(c->imds, ROLE_PATH, on_role_name, c);
        break;
    }
}

struct credentials *credentials_new(struct loop *l, struct imds *m, const struct config *config,
                                    struct log *log)
{
    struct credentials *c = new0(struct credentials);

    c->loop = l;
    c->imds = m;
    c->config = config;
    c->log = log;
    return c;
}

void credentials_free(struct credentials *c)
{
    if (!c)
        return;
    loop_timer_stop(c->loop, &c->refresh);
    free(c->access_key);
    free(c->secret_key);
    free(c->session_token);
    free(c);
}

void credentials_fetch(struct credentials *c, credentials_fn fn, void *user)
{
    c->fn = fn;
    c->user = user;
    c->source = 0;
    c->why = (struct err)ERR_INIT;
    ask(c);
}

bool credentials_sign(const struct credentials *c, struct http_sign *ret)
{
    if (!c->access_key)
        return false;
    *ret = (struct http_sign){
        .region = c->config->region,
        .service = ECS_SERVICE,
        .access_key = c->access_key,
        .secret_key = c->secret_key,
        .session_token = c->session_token,
    };
    return true;
}
