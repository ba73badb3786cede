/* Steps that furnish the world: images, buckets, metadata, files, environment. */
#include "harness/steps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/sandbox/sandbox.h"

/* The step's options as an object of strings, as fake_ops.control wants them. */
static int options_json(struct run *r, const struct scn_step *s, json_t *o)
{
    for (size_t i = 0; i < s->n_options; i++) {
        const struct scn_option *opt = &s->options[i];
        char *text;

        if (!opt->has_value) {
            json_put_str(o, opt->name, "true");
            continue;
        }
        text = run_text(r, s, &opt->value);
        if (!text)
            return -1;
        json_put_str(o, opt->name, text);
        free(text);
    }
    return 0;
}

/* A command whose arguments are the step's first word under `member`, and its options. */
static int simple_control(struct run *r, const struct scn_step *s, enum peer peer,
                          const char *command, const char *member)
{
    json_t *args = json_object();
    char *first = s->n_args ? run_text(r, s, &s->args[0]) : NULL;

    if ((s->n_args && !first) || options_json(r, s, args) < 0) {
        free(first);
        json_decref(args);
        return -1;
    }
    json_put_str(args, member, first);
    free(first);
    return run_control(r, s, peer, command, args, NULL);
}

int step_image(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_DOCKER, "image", "name");
}

int step_bucket(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_S3, "bucket", "name");
}

int step_credfetch_account(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_CREDFETCH, "account", "name");
}

int step_credfetch_user(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_CREDFETCH, "user", "name");
}

int step_credfetch_joined(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_CREDFETCH, "joined", "name");
}

int step_credfetch_leases(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_CREDFETCH, "leases", "name");
}

int step_credfetch_down(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_CREDFETCH, "down", "name");
}

int step_credfetch_up(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_CREDFETCH, "up", "name");
}

int step_ecs_agent_version(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_ECS, "agent-version", "version");
}

int step_docker_exit(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_DOCKER, "exit", "container");
}

int step_docker_oom(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_DOCKER, "oom", "container");
}

int step_docker_remove(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_DOCKER, "remove", "container");
}

int step_docker_unimage(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_DOCKER, "unimage", "name");
}

int step_docker_capacity(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_DOCKER, "capacity", "size");
}

int step_docker_registry(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_DOCKER, "registry", "name");
}

int step_docker_version(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_DOCKER, "version", "version");
}

int step_docker_health(struct run *r, const struct scn_step *s)
{
    json_t *args = json_object();
    char *container = run_text(r, s, &s->args[0]);
    char *status = container ? run_text(r, s, &s->args[1]) : NULL;

    json_put_str(args, "container", container);
    json_put_str(args, "status", status);
    free(container);
    if (!status) {
        json_decref(args);
        return -1;
    }
    free(status);
    return run_control(r, s, PEER_DOCKER, "health", args, NULL);
}

int step_docker_events(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_DOCKER, "events", "mode");
}

int step_docker_wedge(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_DOCKER, "wedge", "container");
}

int step_docker_unwedge(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_DOCKER, "unwedge", "container");
}

int step_docker_disk(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_DOCKER, "disk", "state");
}

int step_docker_down(struct run *r, const struct scn_step *s)
{
    struct fake *f = run_fake(r, s, PEER_DOCKER);
    json_t *args = json_object();
    bool dies;

    if (!f || options_json(r, s, args) < 0) {
        json_decref(args);
        return -1;
    }
    dies = str_eq(json_str(args, "live-restore"), "false");
    json_decref(args);
    fake_down(f);
    return dies ? run_control(r, s, PEER_DOCKER, "shutdown", json_object(), NULL) : 0;
}

int step_docker_up(struct run *r, const struct scn_step *s)
{
    struct fake *f = run_fake(r, s, PEER_DOCKER);
    struct err e = ERR_INIT;

    if (!f || run_control(r, s, PEER_DOCKER, "boot", json_object(), NULL) < 0)
        return -1;
    return fake_up(f, &e) < 0 ? run_fail(r, s, "%s", e.text) : 0;
}

int step_object(struct run *r, const struct scn_step *s)
{
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    struct buf b64 = BUF_INIT(SUBST_MAX * 2);
    char *key = run_text(r, s, &s->args[0]), *type, *bytes;
    json_t *args;
    size_t n;

    if (!key || run_option(r, s, "type", &type) < 0) {
        free(key);
        return -1;
    }
    bytes = value_bytes(&s->args[1], &x, &n, &e);
    if (!bytes) {
        free(key);
        free(type);
        return run_fail(r, s, "%s", e.text);
    }
    args = json_object();
    str_base64(&b64, bytes, n);
    json_put_str(args, "name", key);
    json_put_str(args, "body_base64", buf_str(&b64));
    json_put_str(args, "content-type", type);
    buf_release(&b64);
    free(bytes);
    free(key);
    free(type);
    return run_control(r, s, PEER_S3, "object", args, NULL);
}

/* NAME VALUE and options. */
static int named_value(struct run *r, const struct scn_step *s, const char *command)
{
    json_t *args = json_object();
    char *name = run_text(r, s, &s->args[0]), *value = name ? run_text(r, s, &s->args[1]) : NULL;
    bool ok = value && options_json(r, s, args) == 0;

    json_put_str(args, "name", name);
    json_put_str(args, "value", value);
    free(name);
    free(value);
    if (ok)
        return run_control(r, s, PEER_AWS, command, args, NULL);
    json_decref(args);
    return -1;
}

int step_aws_parameter(struct run *r, const struct scn_step *s)
{
    return named_value(r, s, "parameter");
}

int step_aws_secret(struct run *r, const struct scn_step *s)
{
    return named_value(r, s, "secret");
}

int step_aws_tag(struct run *r, const struct scn_step *s)
{
    return named_value(r, s, "tag");
}

int step_aws_role(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_AWS, "role", "name");
}

int step_aws_token(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_AWS, "token", "name");
}

int step_aws_deny(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_AWS, "deny", "name");
}

int step_aws_allow(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_AWS, "allow", "name");
}

int step_imds(struct run *r, const struct scn_step *s)
{
    json_t *args = json_object();
    char *path = run_text(r, s, &s->args[0]);
    char *value = path ? run_text(r, s, &s->args[1]) : NULL;

    json_put_str(args, "path", path);
    json_put_str(args, "value", value);
    free(path);
    if (!value) {
        json_decref(args);
        return -1;
    }
    free(value);
    return run_control(r, s, PEER_IMDS, "set", args, NULL);
}

int step_imds_hop(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_IMDS, "hop", "limit");
}

int step_imds_off(struct run *r, const struct scn_step *s)
{
    struct fake *f = run_fake(r, s, PEER_IMDS);

    if (!f)
        return -1;
    fake_down(f);
    return 0;
}

int step_imds_on(struct run *r, const struct scn_step *s)
{
    return run_control(r, s, PEER_IMDS, "on", json_object(), NULL);
}

int step_imds_role(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_IMDS, "role", "name");
}

int step_imds_no_role(struct run *r, const struct scn_step *s)
{
    json_t *args = json_object();

    json_put_str(args, "name", "");
    return run_control(r, s, PEER_IMDS, "role", args, NULL);
}

int step_eni(struct run *r, const struct scn_step *s)
{
    _cleanup_free_ char *mac = run_text(r, s, &s->args[0]), *device = NULL;
    struct err e = ERR_INIT;
    int done;

    if (!mac || run_option(r, s, "device", &device) < 0)
        return -1;
    if (!r->config->sandbox)
        return run_fail(r, s, "there is no sandbox that could get a network device");
    if (scn_option(s, "again"))
        done = sandbox_eni_tell(device ? device : "eth1", &e);
    else
        done = sandbox_eni(device ? device : "eth1", mac, &e);
    return done < 0 ? run_fail(r, s, "%s", e.text) : 0;
}

int step_names(struct run *r, const struct scn_step *s)
{
    _cleanup_free_ char *peer = run_text(r, s, &s->args[0]);
    int k = peer ? 0 : -1;

    for (size_t i = 1; i < s->n_args && k == 0; i++) {
        _cleanup_free_ char *name = run_text(r, s, &s->args[i]);

        k = name ? run_name(r, s, (enum peer)peer_from(peer), name) : -1;
    }
    return k;
}

int step_imds_version(struct run *r, const struct scn_step *s)
{
    return simple_control(r, s, PEER_IMDS, "version", "mode");
}

static int file_mode(struct run *r, const struct scn_step *s, mode_t *ret)
{
    char *text, *end;

    *ret = 0644;
    if (run_option(r, s, "mode", &text) < 0)
        return -1;
    if (!text)
        return 0;
    *ret = (mode_t)strtoul(text, &end, 8);
    if (*end || *ret > 07777) {
        run_fail(r, s, "mode=%s: expected permissions in octal, such as 0600", text);
        free(text);
        return -1;
    }
    free(text);
    return 0;
}

int step_file(struct run *r, const struct scn_step *s)
{
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    char *path = run_text(r, s, &s->args[0]), *bytes, *dir;
    mode_t mode = 0644;
    size_t n;
    int k;

    if (!path)
        return -1;
    /* the scenario's own folder and nothing else */
    if (!str_starts(path, r->dir) || path[strlen(r->dir)] != '/' || strstr(path, "/../")) {
        run_fail(r, s, "%s is not below the scenario's folder: begin it with ${tmp} or ${data}",
                 path);
        free(path);
        return -1;
    }
    bytes = value_bytes(&s->args[1], &x, &n, &e);
    dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    k = !bytes ? run_fail(r, s, "%s", e.text) : file_mode(r, s, &mode);
    if (k == 0 && (io_mkdirs(dir, 0755, &e) < 0 || io_write_file(path, bytes, n, mode, &e) < 0))
        k = run_fail(r, s, "%s", e.text);
    free(dir);
    free(bytes);
    free(path);
    return k;
}

/* A variable that the scenario decides: what the fakes would set no longer counts. */
static void choose(struct run *r, const char *name, const char *value)
{
    run_setenv(r, name, value);
    map_set(&r->chosen, name, r);
}

/* NAME=VALUE lines as systemd's EnvironmentFile has them, without quoting: blank lines and # skip.
 */
static int env_lines(struct run *r, const struct scn_step *s, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        char *line = xstrndup(text, n), *eq = strchr(line, '=');

        text += n + (text[n] == '\n');
        if (*line && *line != '#') {
            if (!eq || eq == line) {
                run_fail(r, s, "not NAME=VALUE: %s", line);
                free(line);
                return -1;
            }
            *eq = '\0';
            choose(r, line, eq + 1);
        }
        free(line);
    }
    return 0;
}

int step_env(struct run *r, const struct scn_step *s)
{
    if (s->n_args) {
        struct subst x = run_subst(r);
        struct err e = ERR_INIT;
        size_t n;
        char *text = value_bytes(&s->args[0], &x, &n, &e);
        int k;

        if (!text)
            return run_fail(r, s, "%s", e.text);
        k = env_lines(r, s, text);
        free(text);
        if (k < 0)
            return -1;
    }
    for (size_t i = 0; i < s->n_options; i++) {
        char *value = run_text(r, s, &s->options[i].value);

        if (!value)
            return -1;
        choose(r, s->options[i].name, value);
        free(value);
    }
    return 0;
}

int step_unset(struct run *r, const struct scn_step *s)
{
    for (size_t i = 0; i < s->n_args; i++) {
        char *name = run_text(r, s, &s->args[i]);

        if (!name)
            return -1;
        choose(r, name, NULL);
        free(name);
    }
    return 0;
}
