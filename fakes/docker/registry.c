#include "fakes/docker/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/gojson.h"

#define RATE_WINDOW (6 * 3600 * NS_PER_S)

struct registry {
    struct map users; /* name -> password */
    bool private;
    bool tokens;        /* it wants a bearer token, as Docker Hub does; else a password itself */
    char *public_paths; /* a glob of paths that anybody may pull, or NULL */
    int64_t rate_limit; /* -1: none */
    int64_t rate_window;
    int64_t window_began; /* mono */
    int64_t pulls;        /* in this window */
};

static struct registry *registry_find(const struct docker *d, const char *host)
{
    return map_get(&d->registries, host);
}

static bool flag(const char *s, bool *ret)
{
    *ret = str_eq(s, "yes") || str_eq(s, "true") || str_eq(s, "1") || !*s;
    return *ret || str_eq(s, "no") || str_eq(s, "false") || str_eq(s, "0");
}

static bool is_hub(const char *host)
{
    return str_eq(host, "docker.io");
}

/* As it is, and as files of Docker hold it. */
static void learn_password(struct docker *d, const char *user, const char *password)
{
    _cleanup_free_ char *plain = xasprintf("%s:%s", user, password);
    struct buf b = BUF_INIT(HTTP_HEADER_BYTES_MAX);

    str_base64(&b, plain, strlen(plain));
    journal_secret(fake_journal(&d->fake), password);
    journal_secret(fake_journal(&d->fake), buf_str(&b));
    buf_release(&b);
}

int registry_declare(struct docker *d, const char *host, const json_t *args, struct err *e)
{
    const char *user = json_str(args, "user"), *password = json_str(args, "password");
    const char *private = json_str(args, "private"), *limit = json_str(args, "rate-limit");
    const char *window = json_str(args, "rate-window"), *auth = json_str(args, "auth");
    const char *public = json_str(args, "public");
    struct registry *r = registry_find(d, host);
    uint64_t n = 0;
    bool yes = false;
    int64_t ns = 0;

    if (!user != !password)
        return err_set(e, ERR_USAGE, "registry %s: a user has a password, and a password a user",
                       host);
    if (private && !flag(private, &yes))
        return err_set(e, ERR_USAGE, "registry %s: private: %s is neither yes nor no", host,
                       private);
    if (limit && str_u64(limit, 1000000000, &n) < 0)
        return err_set(e, ERR_USAGE, "registry %s: rate-limit: %s is not a number", host, limit);
    if (window && (str_duration(window, &ns) < 0 || ns <= 0))
        return err_set(e, ERR_USAGE, "registry %s: rate-window: %s is not a duration such as 6h",
                       host, window);
    if (auth && !str_eq(auth, "token") && !str_eq(auth, "basic"))
        return err_set(e, ERR_USAGE, "registry %s: auth: %s is neither token nor basic", host,
                       auth);
    if (!r) {
        r = new0(struct registry);
        r->tokens = is_hub(host);
        r->rate_limit = -1;
        r->rate_window = RATE_WINDOW;
        map_set(&d->registries, host, r);
    }
    if (user) {
        learn_password(d, user, password);
        free(map_set(&r->users, user, xstrdup(password)));
        r->private = true;
    }
    if (private)
        r->private = yes;
    if (limit)
        r->rate_limit = (int64_t)n;
    if (window)
        r->rate_window = ns;
    if (auth)
        r->tokens = str_eq(auth, "token");
    if (public) {
        free(r->public_paths);
        r->public_paths = xstrdup(public);
    }
    return 0;
}

void docker_registries_release(struct docker *d)
{
    void *v, *password;

    for (size_t i = 0; map_next(&d->registries, &i, NULL, &v);) {
        struct registry *r = v;

        for (size_t k = 0; map_next(&r->users, &k, NULL, &password);)
            free(password);
        map_release(&r->users);
        free(r->public_paths);
        free(r);
    }
    map_release(&d->registries);
}

/* --- asking ------------------------------------------------------------------------------ */

static bool of_this_host(const char *host)
{
    return str_starts(host, "127.") || str_starts(host, "localhost") || str_starts(host, "[::1]");
}

/* An Elastic Container Registry. */
static bool is_ecr(const char *host)
{
    return strstr(host, ".dkr.ecr.") != NULL;
}

static bool somebody_listens(struct docker *d, const char *host)
{
    void *v;

    if (is_hub(host) || registry_find(d, host))
        return true;
    for (size_t i = 0; map_next(&d->catalogue, &i, NULL, &v);)
        if (str_eq(((struct decl *)v)->ref.domain, host))
            return true;
    return false;
}

static int nobody_listens(const char *host, struct problem *p)
{
    if (of_this_host(host))
        return problem(p, 500, "Get \"http://%s/v2/\": dial tcp %s: connect: connection refused",
                       host, host);
    return problem(p, 500, "Get \"https://%s/v2/\": dial tcp: lookup %.*s: no such host", host,
                   (int)strcspn(host, ":"), host);
}

enum login { LOGIN_NONE, LOGIN_OK, LOGIN_WRONG };

static enum login login(const struct registry *r, const char *user, const char *password)
{
    const char *right;

    if (!user || !*user)
        return LOGIN_NONE;
    right = map_get(&r->users, user);
    return right && str_eq(right, password ? password : "") ? LOGIN_OK : LOGIN_WRONG;
}

static enum login header_login(const struct registry *r, const char *header)
{
    struct buf b = BUF_INIT(HTTP_HEADER_BYTES_MAX);
    json_t *auth = NULL;
    enum login l = LOGIN_NONE;

    if (header && str_unbase64(&b, header, strlen(header)) == 0)
        auth = json_read(buf_str(&b), buf_len(&b), JSON_READ_PEER, NULL);
    if (json_is_object(auth))
        l = login(r, json_str(auth, "username"), json_str(auth, "password"));
    json_decref(auth);
    buf_release(&b);
    return l;
}

static bool over_the_limit(struct docker *d, struct registry *r)
{
    int64_t now = clock_mono(docker_clock(d));

    if (r->rate_limit < 0)
        return false;
    if (!r->pulls || now - r->window_began >= r->rate_window) {
        r->window_began = now;
        r->pulls = 0;
    }
    return ++r->pulls > r->rate_limit;
}

static bool is_public(const struct registry *r, const struct ref *ref)
{
    return r->public_paths && str_glob(r->public_paths, ref->path);
}

/* Where its manifests are asked for. */
static char *base_url(const char *host)
{
    return xasprintf("%s://%s/v2/", of_this_host(host) ? "http" : "https",
                     is_hub(host) ? "registry-1.docker.io" : host);
}

static char *manifest_url(const struct ref *ref)
{
    _cleanup_free_ char *base = base_url(ref->domain);

    return xasprintf("%s%s/manifests/%s", base, ref->path,
                     ref->digest ? ref->digest
                     : ref->tag  ? ref->tag
                                 : "latest");
}

/* Who did not log in, or not rightly. */
static int refuse_login(const struct registry *r, const struct ref *ref, enum login l, bool pull,
                        struct problem *p)
{
    _cleanup_free_ char *url = manifest_url(ref);

    if (r->tokens && l == LOGIN_WRONG)
        return problem(p, 500, "Head \"%s\": unauthorized: incorrect username or password", url);
    if (l == LOGIN_WRONG)
        return problem(p, 500, "unauthorized: authentication required");
    if (r->tokens && pull)
        return pull_problem(p, "denied", ref);
    if (r->tokens)
        return problem(p, 403, REGISTRY_DENIED);
    return problem(p, 500, "Head \"%s\": no basic auth credentials", url);
}

int registry_ask(struct docker *d, const struct ref *ref, const char *auth, bool counted,
                 struct problem *p)
{
    struct registry *r = registry_find(d, ref->domain);
    enum login l;

    if (!somebody_listens(d, ref->domain))
        return nobody_listens(ref->domain, p);
    if (!r)
        return 0;
    l = map_count(&r->users) ? header_login(r, auth) : LOGIN_NONE;
    /* a wrong password gets no token, whatever it is for */
    if (l != LOGIN_OK && ((r->private && !is_public(r, ref)) || (r->tokens && l == LOGIN_WRONG)))
        return refuse_login(r, ref, l, counted, p);
    return counted && over_the_limit(d, r) ? pull_problem(p, "toomanyrequests", ref) : 0;
}

int registry_lacks(struct docker *d, const struct ref *r, bool repository, struct problem *p)
{
    (void)d;
    if (repository && is_ecr(r->domain))
        return problem(
            p, 404,
            "repository %s not found: name unknown: The repository with name '%s' does not "
            "exist in the registry with id '%.*s'",
            r->repo, r->path, (int)strcspn(r->domain, "."), r->domain);
    return pull_problem(p, repository && is_hub(r->domain) ? "denied" : "not-found", r);
}

/* --- POST /auth -------------------------------------------------------------------------- */

/* "https://index.docker.io/v1/" and nothing are docker.io; the rest is a host. */
static char *host_of(const char *address)
{
    const char *s = address ? address : "", *after = str_after(s, "https://");

    if (!after)
        after = str_after(s, "http://");
    s = after ? after : s;
    if (!*s || str_starts(s, "index.docker.io") || str_starts(s, "docker.io"))
        return xstrdup("docker.io");
    return xstrndup(s, strcspn(s, "/"));
}

static int log_in(struct docker *d, const char *host, const json_t *body, struct problem *p)
{
    struct registry *r = registry_find(d, host);
    enum login l;
    char *url;

    if (!somebody_listens(d, host))
        return nobody_listens(host, p);
    if (!r || !map_count(&r->users))
        return 0;
    l = login(r, json_string_value(gojson_get(body, "username")),
              json_string_value(gojson_get(body, "password")));
    if (l == LOGIN_OK || (r->tokens && l == LOGIN_NONE))
        return 0;
    url = base_url(host);
    if (r->tokens)
        problem(p, 401, "Get \"%s\": unauthorized: incorrect username or password", url);
    else
        problem(p, 500, "login attempt to %s failed with status: 401 Unauthorized", url);
    free(url);
    return -1;
}

void post_auth(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    struct buf b = BUF_INIT(ANSWER_MAX);
    char why[GOJSON_TEXT_MAX], *host;
    struct problem p = {0};
    const char *password;
    json_t *body;

    /* of all calls with a body it alone does not look at its type */
    body = gojson_read(buf_str(&x->body), buf_len(&x->body), GOJSON_DECODER, why);
    if (!body) {
        docker_refuse_text(x, 500, "%s", why);
        return;
    }
    password = json_string_value(gojson_get(body, "password"));
    if (password && *password)
        journal_secret(fake_journal(f), password);
    host = host_of(json_string_value(gojson_get(body, "serveraddress")));
    if (log_in(d, host, body, &p) < 0) {
        docker_refuse(x, &p);
    } else {
        buf_adds(&b, "{\"IdentityToken\":\"\",\"Status\":\"Login Succeeded\"}");
        docker_answer(x, 200, &b);
    }
    free(host);
    json_decref(body);
}
