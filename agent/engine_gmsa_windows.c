/*
 * Credentialspecs on Windows: each becomes a file in the folder where Docker looks for them, and an
 * option that names it. What a domainless one needs beside - the execution role's credentials in
 * the registry, where a plug-in of Windows finds them - is no more than the key's name here: it is
 * written into the file, and there is no registry. (taskresource/credentialspec/
 * credentialspec_windows.go)
 */
#include <openssl/evp.h>
#include <unistd.h>

#include "agent/engine_gmsa.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define FOLDER "docker/credentialspecs"
#define KEY    "HKEY_LOCAL_MACHINE\\System\\CurrentControlSet\\Services\\AmazonECSCCGPlugin\\%s"
#define OPTION "credentialspec=file://%s"

static char *path_of(const struct task *t, const char *name)
{
    return xasprintf("%s/" FOLDER "/%s", t->work->en->config->program_data, name);
}

/* ---- names ---- */

/* Of the parameter: no two containers of a host share one. */
static char *name_of_ssm(const struct task *t, const struct gmsa_spec *s)
{
    _cleanup_free_ char *text = xasprintf("%s%s%s", task_id(t), s->container, s->spec.arn);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    char *name = xmalloc(2 * EVP_MAX_MD_SIZE + 1);

    EVP_Digest(text, strlen(text), digest, &n, EVP_sha256(), NULL);
    str_hex(digest, n, name);
    return name;
}

static char *name_of_s3(const struct task *t, const struct gmsa_spec *s)
{
    const char *slash = strrchr(s->spec.key, '/');

    return xasprintf("s3_%s_%s", task_id(t), slash ? slash + 1 : s->spec.key);
}

/* The customer's own file is not touched: the changed one lies beside it. */
static char *name_of_file(const struct task *t, const struct gmsa_spec *s)
{
    const char *where = s->spec.where, *slash = strrchr(where, '/');
    int n = slash ? (int)(slash - where + 1) : 0;

    return xasprintf("%.*s%s_%s_%s", n, where, task_id(t), s->container, where + n);
}

/* ---- domainless ---- */

static int missing(const char *name, struct err *e)
{
    return err_set(e, ERR_PARSE, "Unable to parse %s from credential spec", name);
}

/* PluginInput is a text of JSON; the name of the task's key joins what is in there. */
static int add_key(const struct task *t, json_t *root, struct err *e)
{
    json_t *directory = json_object_get(root, "ActiveDirectoryConfig");
    json_t *host = json_object_get(directory, "HostAccountConfig");
    const char *input = json_str(host, "PluginInput"), *secret;
    _cleanup_json_ json_t *parsed = NULL;
    _cleanup_json_ json_t *plugin = json_object();
    _cleanup_free_ char *key = xasprintf(KEY, t->arn), *text = NULL;

    if (!directory)
        return missing("ActiveDirectoryConfig", e);
    if (!host)
        return missing("HostAccountConfig", e);
    if (!json_object_get(host, "PluginInput"))
        return missing("PluginInput", e);
    if (!input)
        return err_set(e, ERR_PARSE,
                       "Unable to marshal untyped object pluginInputStringUntyped to type string");
    parsed = json_read(input, strlen(input), JSON_READ_PEER, e);
    if (!parsed)
        return err_wrap(e, "PluginInput");
    secret = json_str(parsed, "credentialArn");
    if (secret && *secret)
        json_put_str(plugin, "credentialArn", secret);
    json_put_str(plugin, "regKeyPath", key);
    text = json_text(plugin);
    json_put_str(host, "PluginInput", text);
    return 0;
}

static char *with_key(const struct task *t, const char *content, struct err *e)
{
    _cleanup_json_ json_t *root = json_read(content, strlen(content), JSON_READ_PEER, e);

    return root && add_key(t, root, e) == 0 ? json_text(root) : NULL;
}

/* ---- files ---- */

static int write_spec(struct task *t, const char *name, const char *content, struct err *e)
{
    _cleanup_free_ char *path = path_of(t, name);
    _cleanup_free_ char *above = xstrndup(path, (size_t)(strrchr(path, '/') - path));

    if (io_mkdirs(above, 0755, e) < 0 || io_write_file(path, content, strlen(content), 0644, e) < 0)
        return -1;
    if (!t->leases)
        t->leases = json_array();
    json_array_append_new(t->leases, json_string(name));
    t->work->dirty = true;
    return 0;
}

static char *read_own(const struct task *t, const char *name, struct err *e)
{
    _cleanup_free_ char *path = path_of(t, name);
    struct buf b = BUF_INIT(CREDENTIAL_SPEC_SIZE_MAX);

    if (io_read_file(path, &b, e) == 0)
        return buf_steal(&b, NULL);
    buf_release(&b);
    err_wrap(e, "open");
    return NULL;
}

static int write_one(struct task *t, const struct gmsa_spec *s, struct err *e)
{
    _cleanup_free_ char *name = NULL, *content = NULL, *target = NULL, *own = NULL;

    if (s->spec.source == SPEC_FILE && !s->spec.domainless) {
        target = xasprintf(OPTION, s->spec.where);
        gmsa_set_target(t, s->text, target);
        return 0;
    }
    name = s->spec.source == SPEC_FILE ? name_of_file(t, s)
           : s->spec.source == SPEC_S3 ? name_of_s3(t, s)
                                       : name_of_ssm(t, s);
    if (s->spec.source == SPEC_FILE && !(own = read_own(t, s->spec.where, e)))
        return -1;
    content = s->spec.domainless ? with_key(t, own ? own : s->content, e) : xstrdup(s->content);
    if (!content || write_spec(t, name, content, e) < 0)
        return -1;
    target = xasprintf(OPTION, name);
    gmsa_set_target(t, s->text, target);
    return 0;
}

bool gmsa_write_files(struct task *t)
{
    struct gmsa_work *g = t->work->gmsa;
    struct err e = ERR_INIT;

    for (size_t i = 0; i < g->n; i++)
        if (!gmsa_target(t, g->specs[i].text) && write_one(t, &g->specs[i], &e) < 0) {
            gmsa_fail(t, e.text);
            return false;
        }
    engine_save_changes(t->work->en, t);
    return true;
}

void gmsa_remove_files(struct task *t)
{
    const json_t *v;
    size_t i;

    json_array_foreach (t->leases, i, v) {
        _cleanup_free_ char *path = path_of(t, json_string_value(v));

        if (unlink(path) < 0)
            log_event(t->work->en->log, LOG_WARN, "A credentialspec is left behind", "task", t->arn,
                      "path", path, NULL);
    }
}
