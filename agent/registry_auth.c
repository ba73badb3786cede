#include "agent/registry_auth.h"

#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

#define LINE_MAX_BYTES 1024
#define SHOWN_MAX      8   /* registries and oddities that are told one by one */
#define KEY_SHOWN      100 /* bytes of a key */

/* Members of an entry, in the order in which Docker's clients write them. */
static const char *const login_members[] = {
    "username", "password", "auth", "email", "serveraddress", "identitytoken", "registrytoken"};

/* What the reading of one text has come to. */
struct reading {
    struct registry_auth *a;
    struct log *log;
    bool docker; /* the type; else dockercfg */
    struct buf bad;
    size_t n_bad;
    const char *hint;
};

static const char hint_wrapper[] =
    "the outer \"auths\" object is not supported: take it off, for example with "
    "jq -c .auths ~/.docker/config.json";
static const char hint_quotes[] =
    "the value is in quotes, and Docker's --env-file and ecs.config keep them: take them off";
static const char hint_helpers[] =
    "credential helpers and stores are not supported: write the credentials out, as "
    "{\"registry\":{\"auth\":\"...\"}}";
static const char hint_identity[] =
    "identity tokens are not supported: use the user name and the password in \"auth\"";
static const char hint_dockercfg[] =
    "the entries have \"auth\" and no user name: set ECS_ENGINE_AUTH_TYPE=dockercfg";
static const char hint_docker[] =
    "the entries have a user name and no \"auth\": set ECS_ENGINE_AUTH_TYPE=docker";
static const char hint_base64[] = "\"auth\" is the base64 of user:password";
static const char hint_newline[] =
    "a password ends in a newline: encode it with printf %s user:password | base64";
static const char hint_type[] = "ECS_ENGINE_AUTH_TYPE is docker or dockercfg";
static const char hint_shape[] =
    "ECS_ENGINE_AUTH_DATA is {\"registry\":{\"auth\":\"<base64 of user:password>\"}} for "
    "dockercfg, {\"registry\":{\"username\":\"...\",\"password\":\"...\"}} for docker";
static const char hint_hub[] =
    "for images of Docker Hub the key has to be https://index.docker.io/v1/";

/* The first hint is the nearest to the cause. */
static void hint(struct reading *r, const char *text)
{
    if (!r->hint)
        r->hint = text;
}

static void bad(struct reading *r, const char *key, const char *why)
{
    if (r->n_bad++ < SHOWN_MAX)
        buf_addf(&r->bad, "%s\"%.*s\" %s", buf_len(&r->bad) ? ", " : "", KEY_SHOWN, key, why);
}

static const char *strip_scheme(const char *key)
{
    const char *rest = str_after(key, "http://");

    if (!rest)
        rest = str_after(key, "https://");
    return rest ? rest : key;
}

/* As encoding/json finds a struct's member: without regard to case, the last one wins. */
static const json_t *member(const json_t *o, const char *name)
{
    const json_t *found = NULL;
    const char *key;
    json_t *v;

    json_object_foreach ((json_t *)(uintptr_t)o, key, v)
        if (strcasecmp(key, name) == 0 && !json_is_null(v))
            found = v;
    return found;
}

/* ---- one entry ---- */

static void take(struct reading *r, const char *key, json_t *login)
{
    json_object_set_new(r->a->logins, strip_scheme(key), login);
}

static void learn_secrets(struct log *log, const json_t *entry)
{
    static const char *const secrets[] = {"password", "auth", "identitytoken", "registrytoken"};

    for (size_t i = 0; log && i < ARRAY_SIZE(secrets); i++)
        log_secret(log, json_string_value(member(entry, secrets[i])));
}

static void take_docker(struct reading *r, const char *key, const json_t *entry)
{
    json_t *login = json_object();

    for (size_t i = 0; i < ARRAY_SIZE(login_members); i++) {
        const char *text = json_string_value(member(entry, login_members[i]));

        if (text && *text)
            json_put_str(login, login_members[i], text);
    }
    if (!json_str(login, "username") && json_str(login, "auth")) {
        bad(r, key, "has no user name");
        hint(r, hint_dockercfg);
    } else if (!json_object_size(login)) {
        bad(r, key, "has no credentials");
    }
    take(r, key, login);
}

/* Go's base64.StdEncoding: the standard alphabet, padded, newlines skipped. */
static bool is_standard(const char *s)
{
    size_t n = 0;

    for (; *s; s++) {
        if (*s == '-' || *s == '_' || *s == ' ')
            return false;
        n += *s != '\n' && *s != '\r';
    }
    return n % 4 == 0;
}

static void take_auth(struct reading *r, const char *key, const char *auth)
{
    _cleanup_buf_ struct buf plain = BUF_INIT(REGISTRY_AUTH_MAX);
    json_t *login;
    const char *text, *colon;

    if (!is_standard(auth) || str_unbase64(&plain, auth, strlen(auth)) < 0) {
        bad(r, key, "has an \"auth\" that is not base64");
        hint(r, hint_base64);
        return;
    }
    text = buf_str(&plain);
    if (!str_utf8_valid(text, buf_len(&plain)) || strlen(text) != buf_len(&plain)) {
        bad(r, key, "has an \"auth\" that is not the base64 of a text");
        hint(r, hint_base64);
        return;
    }
    colon = strchr(text, ':');
    if (!colon) {
        bad(r, key, "has an \"auth\" without a colon");
        hint(r, hint_base64);
        return;
    }
    if (r->log) {
        log_secret(r->log, text);
        log_secret(r->log, colon + 1);
    }
    if (str_ends(text, "\n")) {
        bad(r, key, "has a password that ends in a newline");
        hint(r, hint_newline);
    }
    login = json_object();
    if (colon > text)
        json_put(login, "username", json_stringn(text, (size_t)(colon - text)));
    if (colon[1])
        json_put_str(login, "password", colon + 1);
    take(r, key, login);
}

static void take_dockercfg(struct reading *r, const char *key, const json_t *entry)
{
    const char *auth = json_string_value(member(entry, "auth"));

    if (auth && *auth) {
        take_auth(r, key, auth);
        return;
    }
    bad(r, key, "has no \"auth\"");
    if (str_eq(key, "auths"))
        hint(r, hint_wrapper);
    else if (str_eq(key, "credHelpers"))
        hint(r, hint_helpers);
    else if (member(entry, "identitytoken"))
        hint(r, hint_identity);
    else if (member(entry, "username"))
        hint(r, hint_docker);
    else if (json_object_size(entry) == 0)
        hint(r, hint_helpers); /* what config.json says of a registry whose login is in a store */
}

/* ---- the whole ---- */

/* Whether Go could put the entry into its struct; else it drops all of them. */
static bool fits(const struct reading *r, const json_t *entry)
{
    size_t n = r->docker ? ARRAY_SIZE(login_members) : 1;

    if (!json_is_object(entry))
        return json_is_null(entry);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = member(entry, r->docker ? login_members[i] : "auth");

        if (v && !json_is_string(v))
            return false;
    }
    return true;
}

static void take_entry(struct reading *r, const char *key, const json_t *entry)
{
    if (r->docker)
        take_docker(r, key, entry);
    else
        take_dockercfg(r, key, entry);
    if (r->docker && str_eq(key, "auths"))
        hint(r, hint_wrapper);
}

/* Keys that mean Docker Hub and are not the one that the agent looks for. */
static void check_hub(struct reading *r)
{
    static const char *const others[] = {"docker.io",          "index.docker.io",
                                         "index.docker.io/v1", "registry-1.docker.io",
                                         "hub.docker.com",     "registry.hub.docker.com"};

    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (json_object_get(r->a->logins, others[i])) {
            bad(r, others[i], "is never used for Docker Hub");
            hint(r, hint_hub);
        }
}

static void read_entries(struct reading *r, const json_t *data)
{
    const char *key;
    json_t *v;

    json_object_foreach ((json_t *)(uintptr_t)data, key, v) {
        learn_secrets(r->log, v);
        if (fits(r, v))
            continue;
        bad(r, key, "is not an entry, and so none of them counts");
        if (json_object_get(data, "auths"))
            hint(r, hint_wrapper);
        else if (str_eq(key, "credsStore"))
            hint(r, hint_helpers);
        else
            hint(r, hint_shape);
    }
    if (r->n_bad)
        return;
    json_object_foreach ((json_t *)(uintptr_t)data, key, v)
        take_entry(r, key, v);
    check_hub(r);
}

static void tell(struct reading *r, const char *type)
{
    _cleanup_buf_ struct buf line = BUF_INIT(16 * LINE_MAX_BYTES);
    const char *key;
    json_t *v;
    size_t n = 0;

    buf_addf(&line, "type %.*s: ", KEY_SHOWN, type);
    if (!json_object_size(r->a->logins))
        buf_adds(&line, "no credentials that can be used");
    json_object_foreach (r->a->logins, key, v) {
        if (n++ < SHOWN_MAX)
            buf_addf(&line, "%s%.*s", n > 1 ? ", " : "credentials for ", KEY_SHOWN, key);
    }
    if (n > SHOWN_MAX)
        buf_addf(&line, " and %zu more", n - SHOWN_MAX);
    if (r->n_bad)
        buf_addf(&line, "; %s", buf_str(&r->bad));
    if (r->n_bad > SHOWN_MAX)
        buf_addf(&line, " and %zu more", r->n_bad - SHOWN_MAX);
    r->a->found = xstrndup(buf_str(&line), buf_len(&line));
    r->a->hint = xstrdup(r->hint);
}

/* Where the text stops to be JSON; the reader's own words show the text. */
static void not_json(struct reading *r, const char *data, const struct err *e)
{
    const char *quote = data + strspn(data, " \t\r\n");

    buf_addf(&r->bad, "the data is no JSON at %.*s", (int)strspn(e->text, "0123456789:"), e->text);
    if (str_ends(buf_str(&r->bad), ":"))
        r->bad.len--;
    r->n_bad = 1;
    hint(r, *quote == '\'' || *quote == '"' ? hint_quotes : hint_shape);
}

static void read_data(struct reading *r, const char *data)
{
    struct err e = ERR_INIT;
    _cleanup_json_ json_t *j = json_read(data, strlen(data), JSON_READ_PEER, &e);

    if (!j) {
        not_json(r, data, &e);
    } else if (json_is_object(j)) {
        read_entries(r, j);
        if (!json_object_size(j)) {
            buf_adds(&r->bad, "the data is empty");
            r->n_bad = 1;
            hint(r, hint_shape);
        }
    } else {
        buf_addf(&r->bad, "the data is not an object but %s", json_type_name(j));
        r->n_bad = 1;
        hint(r, json_is_string(j) ? hint_quotes : hint_shape);
    }
}

void registry_auth_read(struct registry_auth *a, const char *type, const char *data,
                        struct log *log)
{
    struct reading r = {.a = a, .log = log, .bad = BUF_INIT(16 * LINE_MAX_BYTES)};
    bool some = data && data[strspn(data, " \t\r\n")];

    *a = (struct registry_auth){.logins = json_object()};
    if (!type || !*type) {
        if (!some)
            return;
        buf_adds(&r.bad, "there is data and no type");
        r.n_bad = 1;
        hint(&r, hint_type);
        type = "none";
    } else if (!str_eq(type, "docker") && !str_eq(type, "dockercfg")) {
        buf_adds(&r.bad, "there is no such type");
        r.n_bad = 1;
        hint(&r, hint_type);
    } else if (!some) {
        buf_adds(&r.bad, "there is no data");
        r.n_bad = 1;
        hint(&r, hint_shape);
    } else {
        r.docker = str_eq(type, "docker");
        read_data(&r, data);
    }
    tell(&r, type);
    buf_release(&r.bad);
}

void registry_auth_release(struct registry_auth *a)
{
    json_decref(a->logins);
    free(a->found);
    free(a->hint);
    *a = (struct registry_auth){0};
}

/* ---- for an image ---- */

char *registry_auth_host(const char *image)
{
    size_t n = strcspn(image, "/");
    _cleanup_free_ char *first = xstrndup(image, n);

    if (!image[n] || (!strchr(first, '.') && !strchr(first, ':') && !str_eq(first, "localhost")))
        return xstrdup("docker.io");
    return steal_ptr(&first);
}

static bool same_host(const char *key, const char *host)
{
    size_t n = strcspn(key, "/");

    return n == strlen(host) && strncmp(key, host, n) == 0;
}

const json_t *registry_auth_for(const struct registry_auth *a, const char *image)
{
    _cleanup_free_ char *host = registry_auth_host(image);
    const json_t *best;
    const char *key;
    size_t longest = 0;
    json_t *v;

    if (str_eq(host, "docker.io") || str_eq(host, "index.docker.io"))
        return json_object_get(a->logins, REGISTRY_AUTH_HUB);
    best = json_object_get(a->logins, host);
    json_object_foreach (a->logins, key, v) {
        if (!same_host(key, host))
            continue;
        if (strlen(key) > longest && str_starts(image, key)) {
            longest = strlen(key);
            best = v;
        } else if (!best) {
            best = v;
        }
    }
    return best;
}
