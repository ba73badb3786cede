#include "agent/credentials.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/ecs_operation.h"

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

    if (wait < REFRESH_MAX) {
        wait = left / 2 < REFRESH_MAX ? left / 2 : REFRESH_MAX;
        wait = wait < REFRESH_MIN ? REFRESH_MIN : wait;
    }
    loop_timer_start(c->loop, &c->refresh, wait, on_refresh);
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
    log_secret(c->log, secret);
    log_secret(c->log, token);
    free(c->access_key);
    free(c->secret_key);
    free(c->session_token);
    c->access_key = xstrdup(access);
    c->secret_key = xstrdup(secret);
    c->session_token = xstrdup(token);
    expiration = json_str(j, "Expiration");
    c->expires = 0;
    if (expiration && str_parse_time(expiration, &c->expires) == 0)
        arm_refresh(c);
    return 0;
}

/* A failed refresh is tried again; the old credentials may live a little longer. */
static void failed(struct credentials *c, struct err *e)
{
    err_wrap(e, "credentials of the instance's role");
    if (c->access_key) {
        log_event(c->log, LOG_WARN, "The credentials could not be renewed: trying again", "error",
                  e->text, NULL);
        arm_refresh(c);
    }
    tell(c, e);
}

static void on_role(const char *body, const struct err *got, void *user)
{
    struct credentials *c = user;
    struct err e = *got;

    if (!body || take(c, body, &e) < 0) {
        failed(c, &e);
        return;
    }
    tell(c, &e);
}

static void on_role_name(const char *body, const struct err *got, void *user)
{
    struct credentials *c = user;
    _cleanup_free_ char *path = NULL;
    struct err e = *got;

    if (!body) {
        failed(c, &e);
        return;
    }
    path = xasprintf(ROLE_PATH "%.*s", (int)strcspn(body, "\r\n"), body);
    imds_get(c->imds, path, on_role, c);
}

static void on_refresh(struct clock_timer *t)
{
    struct credentials *c = container_of(t, struct credentials, refresh);

    imds_get(c->imds, ROLE_PATH, on_role_name, c);
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
    const struct config *conf = c->config;

    c->fn = fn;
    c->user = user;
    if (conf->access_key && *conf->access_key && conf->secret_key && *conf->secret_key) {
        struct err none = ERR_INIT;

        free(c->access_key);
        free(c->secret_key);
        free(c->session_token);
        c->access_key = xstrdup(conf->access_key);
        c->secret_key = xstrdup(conf->secret_key);
        c->session_token =
            conf->session_token && *conf->session_token ? xstrdup(conf->session_token) : NULL;
        tell(c, &none);
        return;
    }
    imds_get(c->imds, ROLE_PATH, on_role_name, c);
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
