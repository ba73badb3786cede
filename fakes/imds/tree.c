/* The tree of metadata: a table of paths and texts, and what a scenario has changed in it. */
#include "fakes/imds/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/imds/identity.h"

#define TEXT_MAX (1 << 20)

#define MACS   "meta-data/network/interfaces/macs/{mac}/"
#define EVENTS "meta-data/events/maintenance/"

/* Facts: how a template calls them, the path that a scenario sets them with, and the value that
 * holds when it did not. NULL: it follows from the world's identity. */
static const struct fact {
    const char *name, *path, *value;
} facts[] = {
    {"account", NULL, NULL},
    {"instance", "meta-data/instance-id", NULL},
    {"region", "meta-data/placement/region", NULL},
    {"zone", "meta-data/placement/availability-zone", NULL},
    {"zone-id", "meta-data/placement/availability-zone-id", NULL},
    {"role", NULL, NULL},
    {"type", "meta-data/instance-type", "m5.large"},
    {"image", "meta-data/ami-id", "ami-0abcdef1234567890"},
    {"mac", "meta-data/mac", "0e:49:61:0f:c3:11"},
    {"ip", "meta-data/local-ipv4", "10.0.12.34"},
    {"host", "meta-data/local-hostname", "ip-10-0-12-34.{region}.compute.internal"},
    {"public-ip", "meta-data/public-ipv4", "203.0.113.25"},
    {"public-host", "meta-data/public-hostname", "ec2-203-0-113-25.{region}.compute.amazonaws.com"},
    {"reservation", "meta-data/reservation-id", "r-0efghijk987654321"},
};

/* A text of NULL is made by code, in dynamic_text(). */
static const struct node {
    const char *path, *text;
} nodes[] = {
    {"dynamic/instance-identity/document", NULL},
    {"dynamic/instance-identity/pkcs7", NULL},
    {"dynamic/instance-identity/rsa2048", NULL},
    {"dynamic/instance-identity/signature", NULL},
    {"meta-data/ami-id", "{image}"},
    {"meta-data/ami-launch-index", "0"},
    {"meta-data/ami-manifest-path", "(unknown)"},
    {"meta-data/block-device-mapping/ami", "/dev/xvda"},
    {"meta-data/block-device-mapping/root", "/dev/xvda"},
    {EVENTS "history", "[]"},
    {EVENTS "scheduled", "[]"},
    {"meta-data/hostname", "{host}"},
    {"meta-data/iam/info", NULL},
    {"meta-data/iam/security-credentials/{role}", NULL},
    {"meta-data/instance-action", "none"},
    {"meta-data/instance-id", "{instance}"},
    {"meta-data/instance-life-cycle", "on-demand"},
    {"meta-data/instance-type", "{type}"},
    {"meta-data/local-hostname", "{host}"},
    {"meta-data/local-ipv4", "{ip}"},
    {"meta-data/mac", "{mac}"},
    {MACS "device-number", "0"},
    {MACS "interface-id", "eni-0123456789abcdef0"},
    {MACS "ipv4-associations/{public-ip}", "{ip}"},
    {MACS "local-hostname", "{host}"},
    {MACS "local-ipv4s", "{ip}"},
    {MACS "mac", "{mac}"},
    {MACS "owner-id", "{account}"},
    {MACS "public-hostname", "{public-host}"},
    {MACS "public-ipv4s", "{public-ip}"},
    {MACS "security-group-ids", "sg-0123456789abcdef0"},
    {MACS "security-groups", "default"},
    {MACS "subnet-id", "subnet-0123456789abcdef0"},
    {MACS "subnet-ipv4-cidr-block", "10.0.0.0/20"},
    {MACS "vpc-id", "vpc-0123456789abcdef0"},
    {MACS "vpc-ipv4-cidr-block", "10.0.0.0/16"},
    {MACS "vpc-ipv4-cidr-blocks", "10.0.0.0/16"},
    {"meta-data/placement/availability-zone", "{zone}"},
    {"meta-data/placement/availability-zone-id", "{zone-id}"},
    {"meta-data/placement/region", "{region}"},
    {"meta-data/profile", "default-hvm"},
    {"meta-data/public-hostname", "{public-host}"},
    {"meta-data/public-ipv4", "{public-ip}"},
    {"meta-data/reservation-id", "{reservation}"},
    {"meta-data/security-groups", "default"},
    {"meta-data/services/domain", "amazonaws.com"},
    {"meta-data/services/partition", "aws"},
    {"meta-data/system", "nitro"},
};

void imds_zone_id(struct buf *out, const char *region, const char *zone)
{
    static const char *const points[][2] = {
        {"northeast", "ne"}, {"southeast", "se"}, {"northwest", "nw"},
        {"southwest", "sw"}, {"north", "n"},      {"south", "s"},
        {"east", "e"},       {"west", "w"},       {"central", "c"},
    };
    const char *dash = strchr(region, '-'), *last = strrchr(region, '-');
    char letter = *zone ? zone[strlen(zone) - 1] : 'a';

    if (!dash || dash == last) {
        buf_adds(out, zone);
        return;
    }
    buf_add(out, region, (size_t)(dash - region));
    for (const char *s = dash + 1; s < last;) { /* us-gov-west-1: usgw1 */
        size_t word = strcspn(s, "-");
        const char *brief = NULL;

        for (size_t i = 0; i < ARRAY_SIZE(points); i++)
            if (strlen(points[i][0]) == word && !strncmp(s, points[i][0], word))
                brief = points[i][1];
        if (brief)
            buf_adds(out, brief);
        else
            buf_addc(out, *s);
        s += word + (s[word] == '-');
    }
    buf_addf(out, "%s-az%d", last + 1, letter >= 'a' && letter <= 'z' ? letter - 'a' + 1 : 1);
}

static void expand(struct imds *m, const char *text, struct buf *out);

static void add_fact(struct imds *m, const char *name, size_t n, struct buf *out)
{
    const struct identity *id = &m->fake.world->id;
    const struct fact *f = NULL;
    const char *set;

    for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
        if (strlen(facts[i].name) == n && !memcmp(facts[i].name, name, n))
            f = &facts[i];
    if (!f)
        return;
    set = f->path ? map_get(&m->set, f->path) : NULL;
    if (set)
        buf_adds(out, set);
    else if (f->value)
        expand(m, f->value, out);
    else if (str_eq(f->name, "account"))
        buf_adds(out, id->account);
    else if (str_eq(f->name, "instance"))
        buf_adds(out, id->instance_id);
    else if (str_eq(f->name, "region"))
        buf_adds(out, id->region);
    else if (str_eq(f->name, "zone"))
        buf_adds(out, id->availability_zone);
    else if (str_eq(f->name, "zone-id"))
        imds_zone_id(out, id->region, id->availability_zone);
    else if (str_eq(f->name, "role") && m->role.name)
        buf_adds(out, m->role.name);
}

static void expand(struct imds *m, const char *text, struct buf *out)
{
    while (*text) {
        size_t n = strcspn(text, "{");

        buf_add(out, text, n);
        text += n;
        if (*text == '{') {
            n = strcspn(text, "}");
            add_fact(m, text + 1, n - 1, out);
            text += n + 1;
        }
    }
}

static void add_document(struct imds *m, struct buf *out)
{
    static const char form[] = "{\n"
                               "  \"accountId\" : \"{account}\",\n"
                               "  \"architecture\" : \"x86_64\",\n"
                               "  \"availabilityZone\" : \"{zone}\",\n"
                               "  \"billingProducts\" : null,\n"
                               "  \"devpayProductCodes\" : null,\n"
                               "  \"marketplaceProductCodes\" : null,\n"
                               "  \"imageId\" : \"{image}\",\n"
                               "  \"instanceId\" : \"{instance}\",\n"
                               "  \"instanceType\" : \"{type}\",\n"
                               "  \"kernelId\" : null,\n"
                               "  \"pendingTime\" : \"2026-11-01T08:00:00Z\",\n"
                               "  \"privateIp\" : \"{ip}\",\n"
                               "  \"ramdiskId\" : null,\n"
                               "  \"region\" : \"{region}\",\n"
                               "  \"version\" : \"2017-09-30\"\n"
                               "}";

    /* braces of the JSON object stand at the two ends; the facts are between them */
    buf_addc(out, '{');
    char *inner = xstrndup(form + 1, sizeof(form) - 3);

    expand(m, inner, out);
    free(inner);
    buf_addc(out, '}');
}

static void add_signature(struct imds *m, const char *path, struct buf *out)
{
    enum imds_identity_kind kind = str_ends(path, "/pkcs7")     ? IMDS_IDENTITY_PKCS7
                                   : str_ends(path, "/rsa2048") ? IMDS_IDENTITY_RSA2048
                                                                : IMDS_IDENTITY_SIGNATURE;
    struct buf doc = BUF_INIT(TEXT_MAX);
    struct err e = ERR_INIT;

    if (imds_lookup(m, "dynamic/instance-identity/document", &doc) == IMDS_LEAF &&
        imds_identity_sign(kind, buf_str(&doc), buf_len(&doc), loop_wall(fake_loop(&m->fake)), out,
                           &e) < 0)
        journal_note(fake_journal(&m->fake), m->fake.ops->name, "%s: %s", path, e.text);
    buf_release(&doc);
}

static void dynamic_text(struct imds *m, const struct node *n, struct buf *out)
{
    if (str_ends(n->path, "/document"))
        add_document(m, out);
    else if (str_starts(n->path, "dynamic/"))
        add_signature(m, n->path, out);
    else if (str_ends(n->path, "/info"))
        imds_profile(m, out);
    else
        imds_credentials(m, out);
}

/* True when the scenario has taken path, or a folder above it, away. */
static bool taken_away(const struct imds *m, const char *path)
{
    const char *key;
    void *v;

    for (size_t i = 0; map_next(&m->unset, &i, &key, &v);) {
        const char *rest = str_after(path, key);

        if (rest && (*rest == '/' || !*rest))
            return true;
    }
    return str_starts(path, "meta-data/iam/") && !m->role.name;
}

/* One name of a folder: what stands between `folder/` and the next slash. */
static void add_name(struct map *names, const char *path, const char *folder)
{
    const char *rest = *folder ? str_after(path, folder) : path;
    size_t n;
    char *name;

    if (!rest || (*folder && *rest++ != '/'))
        return;
    n = strcspn(rest, "/");
    if (!n)
        return;
    /* the folders right below /latest are listed without a slash */
    name = xstrndup(rest, n + (rest[n] == '/' && *folder ? 1 : 0));
    map_set(names, name, names);
    free(name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_names(const struct map *names, struct buf *out)
{
    const char **sorted = new0_array(const char *, map_count(names) + 1);
    const char *key;
    size_t n = 0;
    void *v;

    for (size_t i = 0; map_next(names, &i, &key, &v);)
        sorted[n++] = key;
    qsort(sorted, n, sizeof(*sorted), by_name);
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s%s", i ? "\n" : "", sorted[i]);
    free(sorted);
}

static enum imds_found find_leaf(struct imds *m, const char *path, struct buf *out)
{
    const char *set = map_get(&m->set, path);
    struct buf b = BUF_INIT(4096);
    enum imds_found found = IMDS_NOTHING;

    if (set) {
        buf_adds(out, set);
        return IMDS_LEAF;
    }
    for (size_t i = 0; i < ARRAY_SIZE(nodes) && found == IMDS_NOTHING; i++) {
        buf_clear(&b);
        expand(m, nodes[i].path, &b);
        if (!str_eq(buf_str(&b), path) || taken_away(m, path))
            continue;
        found = IMDS_LEAF;
        if (nodes[i].text)
            expand(m, nodes[i].text, out);
        else
            dynamic_text(m, &nodes[i], out);
    }
    buf_release(&b);
    return found;
}

static enum imds_found find_folder(struct imds *m, const char *path, struct buf *out)
{
    struct buf b = BUF_INIT(4096);
    struct map names = {0};
    bool any;
    const char *key;
    void *v;

    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
        buf_clear(&b);
        expand(m, nodes[i].path, &b);
        if (!taken_away(m, buf_str(&b)))
            add_name(&names, buf_str(&b), path);
    }
    for (size_t i = 0; map_next(&m->set, &i, &key, &v);)
        add_name(&names, key, path);
    any = map_count(&names) > 0;
    if (any)
        add_names(&names, out);
    map_release(&names);
    buf_release(&b);
    return any ? IMDS_FOLDER : IMDS_NOTHING;
}

enum imds_found imds_lookup(struct imds *m, const char *path, struct buf *out)
{
    size_t n = strlen(path);
    char *p = xstrndup(path, n && path[n - 1] == '/' ? n - 1 : n);
    enum imds_found found = find_leaf(m, p, out);

    if (found == IMDS_NOTHING)
        found = find_folder(m, p, out);
    free(p);
    return found;
}

char *imds_path(const char *path)
{
    const char *below = str_after(path, "/latest/");
    char *p;
    size_t n;

    if (!below)
        below = str_after(path, "latest/");
    if (!below)
        below = path + (*path == '/');
    if (str_starts(below, "meta-data/") || str_starts(below, "dynamic/") ||
        str_eq(below, "user-data") || str_eq(below, "meta-data"))
        p = xstrdup(below);
    else
        p = xasprintf("meta-data/%s", below);
    n = strlen(p);
    if (n && p[n - 1] == '/')
        p[n - 1] = '\0';
    return p;
}
