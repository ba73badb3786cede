#include "fakes/docker/ref.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* The library's limit on the name without tag and digest. */
#define NAME_MAX_BYTES 255

static bool all_hex(const char *s, size_t n)
{
    return strspn(s, "0123456789abcdef") == n && strlen(s) == n;
}

bool ref_digest_valid(const char *d)
{
    const char *hex = str_after(d, "sha256:");

    return hex && all_hex(hex, 64);
}

bool ref_tag_valid(const char *tag)
{
    size_t n = strlen(tag);

    if (!n || n > 128 || !(isalnum((unsigned char)*tag) || *tag == '_'))
        return false;
    for (; *tag; tag++)
        if (!isalnum((unsigned char)*tag) && !strchr("_.-", *tag))
            return false;
    return true;
}

/* Lower-case words, separated by one of . / _ or __ or any number of -. */
static bool path_valid(const char *s)
{
    bool word = false;

    for (; *s; s++) {
        if (islower((unsigned char)*s) || isdigit((unsigned char)*s)) {
            word = true;
        } else if (!word || !s[1] || !strchr("./_-", *s)) {
            return false;
        } else if (*s == '-') {
            while (s[1] == '-')
                s++;
            word = false;
        } else {
            if (*s == '_' && s[1] == '_')
                s++;
            word = false;
        }
    }
    return word;
}

static bool domain_valid(const char *s)
{
    const char *colon = strrchr(s, ':');
    size_t n = colon ? (size_t)(colon - s) : strlen(s);

    if (colon && (!colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1)))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) &&
            (!strchr(".-", s[i]) || i == 0 || i + 1 == n || s[i] == s[i - 1]))
            return false;
    return n > 0;
}

/* What stands before the first slash is a domain if it looks like one. */
static void split_domain(struct ref *r, const char *name)
{
    const char *slash = strchr(name, '/');
    char *first = slash ? xstrndup(name, (size_t)(slash - name)) : NULL;

    if (first && (strpbrk(first, ".:") || str_eq(first, "localhost"))) {
        r->domain = first;
        r->path = xstrdup(slash + 1);
        if (str_eq(r->domain, "index.docker.io")) {
            free(r->domain);
            r->domain = xstrdup("docker.io");
        }
    } else {
        free(first);
        r->domain = xstrdup("docker.io");
        r->path = xstrdup(name);
    }
    if (str_eq(r->domain, "docker.io") && !strchr(r->path, '/')) {
        char *path = xasprintf("library/%s", r->path);

        free(r->path);
        r->path = path;
    }
}

static const char *fault_of(const struct ref *r)
{
    static const char bad[] = "invalid reference format";

    for (const char *p = r->path; *p; p++)
        if (isupper((unsigned char)*p))
            return "invalid reference format: repository name must be lowercase";
    if (!path_valid(r->path) || !domain_valid(r->domain))
        return bad;
    if (r->tag && !ref_tag_valid(r->tag))
        return bad;
    if (r->digest && !ref_digest_valid(r->digest))
        return bad;
    if (strlen(r->domain) + 1 + strlen(r->path) > NAME_MAX_BYTES)
        return "repository name must not be more than 255 characters";
    return NULL;
}

int ref_parse(struct ref *r, const char *name, const char **ret_why)
{
    char *copy = xstrdup(name), *at, *colon;
    const char *why;

    *r = (struct ref){0};
    at = strchr(copy, '@');
    if (at) {
        *at = '\0';
        r->digest = xstrdup(at + 1);
    }
    colon = strrchr(copy, ':');
    if (colon && !strchr(colon, '/')) {
        *colon = '\0';
        r->tag = xstrdup(colon + 1);
    }
    split_domain(r, copy);
    why = all_hex(copy, 64) ? "invalid repository name, cannot specify 64-byte hexadecimal strings"
                            : fault_of(r);
    free(copy);
    if (why) {
        ref_release(r);
        *ret_why = why;
        return -1;
    }
    if (!str_eq(r->domain, "docker.io"))
        r->repo = xasprintf("%s/%s", r->domain, r->path);
    else if (str_starts(r->path, "library/") && !strchr(r->path + strlen("library/"), '/'))
        r->repo = xstrdup(r->path + strlen("library/"));
    else
        r->repo = xstrdup(r->path);
    return 0;
}

void ref_release(struct ref *r)
{
    free(r->domain);
    free(r->path);
    free(r->tag);
    free(r->digest);
    free(r->repo);
    *r = (struct ref){0};
}

void ref_default_tag(struct ref *r)
{
    if (!r->tag && !r->digest)
        r->tag = xstrdup("latest");
}

char *ref_familiar(const struct ref *r)
{
    if (r->digest)
        return xasprintf("%s@%s", r->repo, r->digest);
    return r->tag ? xasprintf("%s:%s", r->repo, r->tag) : xstrdup(r->repo);
}
