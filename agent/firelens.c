#include "agent/firelens.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/docker_client.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define PORT         "24224"
#define SOCKET       "/var/run/fluent.sock"
#define BUFFER_LIMIT "log-driver-buffer-limit"
#define MEMORY_MIB   25 /* of fluent-bit's buffer, when the container has no limit */

/* ---- the payload ---- */

static const json_t *configuration(const struct container *c)
{
    const json_t *o = json_object_get(c->spec, "firelensConfiguration");

    return json_is_object(o) ? o : NULL;
}

static const char *option(const struct container *router, const char *name)
{
    return json_str(json_object_get(configuration(router), "options"), name);
}

static bool is_fluentd(const struct container *router)
{
    return str_eq(json_str(configuration(router), "type"), "fluentd");
}

struct container *firelens_router(const struct task *t)
{
    for (size_t i = 0; i < t->n_containers; i++)
        if (configuration(&t->containers[i]))
            return &t->containers[i];
    return NULL;
}

/* dockerConfig.<member> as an object; new reference. */
static json_t *docker_part(const struct container *c, const char *member)
{
    const char *text = json_str(json_object_get(c->spec, "dockerConfig"), member);

    return text && *text ? json_read(text, strlen(text), JSON_READ_PEER, NULL) : NULL;
}

/* Its log options when it logs through FireLens; new reference, NULL when it does not. */
static json_t *log_options(const struct container *c)
{
    _cleanup_json_ json_t *host = docker_part(c, "hostConfig");
    const json_t *log = json_object_get(host, "LogConfig");
    json_t *options = json_object_get(log, "Config");

    if (!str_eq(json_str(log, "Type"), "awsfirelens"))
        return NULL;
    return json_is_object(options) ? json_incref(options) : json_object();
}

bool firelens_logs(const struct container *c)
{
    _cleanup_json_ json_t *options = log_options(c);

    return options != NULL;
}

const char *firelens_s3(const struct task *t)
{
    const struct container *router = firelens_router(t);

    if (!router || !str_eq(option(router, "config-file-type"), "s3"))
        return NULL;
    return option(router, "config-file-value");
}

/* (firelens_unix.go:parseOptions) */
static int check_file(const struct container *router, struct err *e)
{
    const char *type = option(router, "config-file-type");

    if (!type)
        return 0;
    if (!str_eq(type, "s3") && !str_eq(type, "file"))
        return err_set(e, ERR_USAGE, "invalid value %.60s is specified for option config-file-type",
                       type);
    if (!option(router, "config-file-value"))
        return err_set(e, ERR_USAGE,
                       "option config-file-type is specified but config-file-value is "
                       "not specified");
    return 0;
}

char *firelens_variable(const struct container *c, const char *name)
{
    return xasprintf("%s_%zu", name, c->index);
}

/* Options that are secrets stand in the configuration as variables of the router's environment.
 * (task.go:collectFirelensLogEnvOptions) */
static void add_secret_options(json_t *options, const struct container *c, bool fluentd)
{
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(c->spec, "secrets"), i, v) {
        const char *name = json_str(v, "name");
        _cleanup_free_ char *variable = NULL, *text = NULL;

        if (!name || !str_eq(json_str(v, "target"), "LOG_DRIVER"))
            continue;
        variable = firelens_variable(c, name);
        text = xasprintf(fluentd ? "\"#{ENV['%s']}\""
                                 : "$"
                                   "{%s}",
                         variable);
        json_put_str(options, name, text);
    }
}

int firelens_check(const struct task *t, struct err *e)
{
    const struct container *router = firelens_router(t);
    const char *type = router ? json_str(configuration(router), "type") : NULL;

    if (router && !str_eq(type, "fluentd") && !str_eq(type, "fluentbit"))
        return err_set(e, ERR_USAGE, "encounter invalid firelens configuration type %.60s",
                       type ? type : "");
    if (router && check_file(router, e) < 0)
        return -1;
    for (size_t i = 0; i < t->n_containers; i++) {
        const struct container *c = &t->containers[i];

        if (firelens_logs(c) && !router)
            return err_set(e, ERR_USAGE,
                           "container \"%.60s\" logs to awsfirelens, and no "
                           "container of its task routes logs",
                           c->name);
    }
    return 0;
}

/* ---- the configuration ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* An option that stands in the file as it is would end its line, and begin others. */
static bool is_one_line(const char *text)
{
    return !strpbrk(text, "\r\n");
}

struct file {
    struct buf b;
    bool fluentd;
};

/* "[INPUT]\n    Name X" or "<source>\n    @type X". */
static void begin(struct file *f, const char *bit, const char *d, const char *name)
{
    if (f->fluentd)
        buf_addf(&f->b, "\n<%s>\n    @type %s\n", d, name);
    else
        buf_addf(&f->b, "\n[%s]\n    Name %s\n", bit, name);
}

static void end(struct file *f, const char *d)
{
    if (f->fluentd)
        buf_addf(&f->b, "</%s>\n", d);
}

static void inputs(struct file *f, const struct container *router)
{
    const char *mode = router->task->network_mode;
    bool own = task_is_awsvpc(router->task);
    int64_t half = json_int(router->spec, "memory", 0) / 2;

    begin(f, "INPUT", "source", f->fluentd ? "unix" : "forward");
    if (f->fluentd)
        buf_adds(&f->b, "    path " SOCKET "\n");
    else
        buf_addf(&f->b, "    Mem_Buf_Limit %lldMB\n    unix_path " SOCKET "\n",
                 (long long)(half > 0 ? half : MEMORY_MIB));
    end(f, "source");
    if (!own && !str_eq(mode, "bridge") && *mode)
        return;
    begin(f, "INPUT", "source", "forward");
    buf_addf(&f->b,
             f->fluentd ? "    bind %s\n    port " PORT "\n" : "    Listen %s\n    Port " PORT "\n",
             own ? "127.0.0.1" : "0.0.0.0");
    end(f, "source");
    if (f->fluentd)
        return;
    begin(f, "INPUT", "", "tcp");
    buf_adds(&f->b, "    Tag firelens-healthcheck\n    Listen 127.0.0.1\n    Port 8877\n");
}

static void pattern(struct file *f, const struct container *c, const char *what, const char *value)
{
    if (!value)
        return;
    if (f->fluentd)
        buf_addf(&f->b,
                 "\n<filter %s-firelens**>\n    @type  grep\n    <%s>\n        key log\n"
                 "        pattern %s\n    </%s>\n</filter>\n",
                 c->name, what, value, what);
    else
        buf_addf(&f->b, "\n[FILTER]\n    Name   grep\n    Match %s-firelens*\n    %s log %s\n",
                 c->name, str_eq(what, "exclude") ? "Exclude" : "Regex", value);
}

static void metadata(struct file *f, const struct task *t, const char *cluster)
{
    const char *indent = f->fluentd ? "        " : "    Record ";

    if (f->fluentd)
        buf_adds(&f->b, "\n<filter **>\n    @type record_transformer\n    <record>\n");
    else
        buf_adds(&f->b, "\n[FILTER]\n    Name record_modifier\n    Match *\n");
    buf_addf(&f->b, "%secs_cluster %s\n%secs_task_arn %s\n%secs_task_definition %s:%s\n", indent,
             cluster, indent, t->arn, indent, t->family, t->version);
    if (f->fluentd)
        buf_adds(&f->b, "    </record>\n</filter>\n");
}

static bool is_output_option(const char *name, bool fluentd)
{
    return !str_eq(name, fluentd ? "@type" : "Name") && !str_eq(name, "include-pattern") &&
           !str_eq(name, "exclude-pattern") && !str_eq(name, BUFFER_LIMIT);
}

/* Names of the options that go into the output, sorted; returns how many. */
static size_t output_options(json_t *options, bool fluentd, const char **names)
{
    const char *name;
    json_t *v;
    size_t n = 0;

    json_object_foreach (options, name, v)
        if (json_is_string(v) && is_output_option(name, fluentd))
            names[n++] = name;
    qsort(names, n, sizeof(*names), by_name);
    return n;
}

static int output(struct file *f, const struct container *c, json_t *options, struct err *e)
{
    const char *key = f->fluentd ? "@type" : "Name", *type = json_str(options, key);
    _cleanup_free_ const char **names = new0_array(const char *, json_object_size(options) + 1);
    size_t n = output_options(options, f->fluentd, names);

    if (n && !type)
        return err_set(e, ERR_USAGE,
                       "unable to apply log options of container %.60s to firelens config: missing "
                       "output key %s which is required for firelens configuration of type %s",
                       c->name, key, f->fluentd ? "fluentd" : "fluentbit");
    if (!type)
        return 0;
    if (f->fluentd)
        buf_addf(&f->b, "\n<match %s-firelens**>\n    @type %s\n", c->name, type);
    else
        buf_addf(&f->b, "\n[OUTPUT]\n    Name %s\n    Match %s-firelens*\n", type, c->name);
    for (size_t i = 0; i < n; i++)
        buf_addf(&f->b, "    %s %s\n", names[i], json_str(options, names[i]));
    end(f, "match");
    return 0;
}

static int check_lines(const struct container *c, json_t *options, struct err *e)
{
    const char *name;
    json_t *v;

    json_object_foreach (options, name, v)
        if (!is_one_line(name) || (json_is_string(v) && !is_one_line(json_string_value(v))))
            return err_set(e, ERR_USAGE, "a log option of container \"%.60s\" is more than a line",
                           c->name);
    return 0;
}

/* Filters of all that log, or their outputs. */
static int each_log(struct file *f, const struct task *t, bool outputs, struct err *e)
{
    for (size_t i = 0; i < t->n_containers; i++) {
        const struct container *c = &t->containers[i];
        _cleanup_json_ json_t *options = log_options(c);

        if (!options)
            continue;
        add_secret_options(options, c, f->fluentd);
        if (check_lines(c, options, e) < 0 || (outputs && output(f, c, options, e) < 0))
            return -1;
        if (outputs)
            continue;
        pattern(f, c, "regexp", json_str(options, "include-pattern"));
        pattern(f, c, "exclude", json_str(options, "exclude-pattern"));
    }
    return 0;
}

/* Where the file of S3 is in the router. */
static const char *external_path(const struct container *router)
{
    return is_fluentd(router) ? "/fluentd/etc/external.conf" : "/fluent-bit/etc/external.conf";
}

char *firelens_config(const struct task *t, const char *cluster, struct err *e)
{
    const struct container *router = firelens_router(t);
    struct file f = {.b = BUF_INIT(FIRELENS_CONFIG_MAX), .fluentd = is_fluentd(router)};
    const char *extra =
        firelens_s3(t) ? external_path(router) : option(router, "config-file-value");
    char *text = NULL;
    int r;

    inputs(&f, router);
    r = each_log(&f, t, false, e);
    if (!str_eq(option(router, "enable-ecs-log-metadata"), "false"))
        metadata(&f, t, cluster);
    if (extra && option(router, "config-file-type"))
        buf_addf(&f.b, "\n%s %s\n", f.fluentd ? "@include" : "@INCLUDE", extra);
    if (!f.fluentd && (task_is_awsvpc(t) || str_eq(t->network_mode, "bridge")))
        buf_adds(&f.b, "\n[OUTPUT]\n    Name null\n    Match firelens-healthcheck\n");
    if (r == 0)
        r = each_log(&f, t, true, e);
    if (r == 0 && f.b.full)
        r = err_set(e, ERR_LIMIT, "the FireLens configuration is too long");
    if (r == 0)
        text = xstrdup(buf_str(&f.b));
    buf_release(&f.b);
    return text;
}

/* ---- files ---- */

static char *folder(const struct task *t, const char *datadir, const char *below)
{
    return xasprintf("%s/firelens/%s%s", *datadir ? datadir : "/data", task_id(t), below);
}

int firelens_write(const struct task *t, const struct config *config, const char *cluster,
                   struct err *e)
{
    _cleanup_free_ char *text = firelens_config(t, cluster, e);
    _cleanup_free_ char *dir = folder(t, config->datadir, "/config");
    _cleanup_free_ char *socket = folder(t, config->datadir, "/socket");
    _cleanup_free_ char *path = xasprintf("%s/fluent.conf", dir);

    if (!text || io_mkdirs(dir, 0755, e) < 0 || io_mkdirs(socket, 0755, e) < 0)
        return -1;
    /* whoever the router runs as makes its socket in there */
    if (chmod(socket, 0777) < 0)
        return err_sys(e, errno, "%s", socket);
    return io_write_file(path, text, strlen(text), 0644, e);
}

int firelens_write_external(const struct task *t, const struct config *config, const char *text,
                            size_t n, struct err *e)
{
    _cleanup_free_ char *dir = folder(t, config->datadir, "/config");
    _cleanup_free_ char *path = xasprintf("%s/external.conf", dir);

    if (io_mkdirs(dir, 0755, e) < 0)
        return -1;
    return io_write_file(path, text, n, 0644, e);
}

void firelens_remove(const struct task *t, const struct config *config)
{
    static const char *const files[] = {"/config/fluent.conf", "/config/external.conf",
                                        "/socket/fluent.sock"};
    static const char *const folders[] = {"/config", "/socket", ""};

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        _cleanup_free_ char *path = folder(t, config->datadir, files[i]);

        unlink(path);
    }
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        _cleanup_free_ char *path = folder(t, config->datadir, folders[i]);

        rmdir(path);
    }
}

/* ---- the create body ---- */

/* "20.10.24" and later know fluentd-async. */
static void put_log(const struct container *c, const struct config *config,
                    const char *docker_version, json_t *options, json_t *host)
{
    json_t *log = json_object(), *o = json_object();
    _cleanup_free_ char *tag = xasprintf("%s-firelens-%s", c->name, task_id(c->task));
    _cleanup_free_ char *socket = xasprintf("unix://%s/data/firelens/%s/socket/fluent.sock",
                                            config->host_datadir, task_id(c->task));

    json_put_str(o, "tag", tag);
    json_put_str(o, "fluentd-address", socket);
    json_put_str(o, "fluentd-sub-second-precision", "true");
    json_put_str(o, "fluentd-buffer-limit", json_str(options, BUFFER_LIMIT));
    json_put_str(
        o, docker_is_at_least(docker_version, 20, 10) ? "fluentd-async" : "fluentd-async-connect",
        config->firelens_async.on ? "true" : "false");
    json_put_str(log, "Type", "fluentd");
    json_put(log, "Config", o);
    json_put(host, "LogConfig", log);
}

static void put_binds(const struct container *c, const struct config *config, json_t *host)
{
    const char *id = task_id(c->task);
    json_t *binds = json_object_get(host, "Binds");
    _cleanup_free_ char *file =
        xasprintf("%s/data/firelens/%s/config/fluent.conf:%s", config->host_datadir, id,
                  is_fluentd(c) ? "/fluentd/etc/fluent.conf" : "/fluent-bit/etc/fluent-bit.conf");
    _cleanup_free_ char *socket =
        xasprintf("%s/data/firelens/%s/socket/:/var/run/", config->host_datadir, id);

    if (!json_is_array(binds)) {
        binds = json_array();
        json_put(host, "Binds", binds);
    }
    json_array_append_new(binds, json_string(file));
    if (firelens_s3(c->task)) {
        _cleanup_free_ char *external = xasprintf("%s/data/firelens/%s/config/external.conf:%s",
                                                  config->host_datadir, id, external_path(c));

        json_array_append_new(binds, json_string(external));
    }
    json_array_append_new(binds, json_string(socket));
}

void firelens_put(const struct container *c, const struct config *config,
                  const char *docker_version, json_t *host)
{
    _cleanup_json_ json_t *options = log_options(c);

    if (options)
        put_log(c, config, docker_version, options, host);
    if (configuration(c))
        put_binds(c, config, host);
}

/* The number that fluentd runs as: the first of "1000:1000", else root's. */
static void put_uid(const struct container *c, json_t *vars)
{
    _cleanup_json_ json_t *config = docker_part(c, "config");
    const char *user = json_str(config, "User");
    _cleanup_free_ char *uid = xstrndup(user ? user : "", user ? strcspn(user, ":") : 0);
    bool number = *uid != '\0';

    for (const char *p = uid; *p; p++)
        number = number && isdigit((unsigned char)*p);
    json_put_str(vars, "FLUENT_UID", number ? uid : "0");
}

void firelens_env(const struct container *c, json_t *vars)
{
    const struct container *router = firelens_router(c->task);
    const char *mode = c->task->network_mode, *host = NULL;

    if (configuration(c) && is_fluentd(c))
        put_uid(c, vars);
    if (!router || !firelens_logs(c))
        return;
    if (task_is_awsvpc(c->task))
        host = "127.0.0.1";
    else if (!*mode || str_eq(mode, "bridge"))
        host = json_str(router->seen, "ipv4");
    if (!host || !*host)
        return;
    json_put_str(vars, "FLUENT_HOST", host);
    json_put_str(vars, "FLUENT_PORT", PORT);
}
