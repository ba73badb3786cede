#include "agent/init/agent_container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "agent/init/cache.h"
#include "agent/init/engine.h"
#include "agent/init/environment.h"
#include "agent/init/gmsa.h"
#include "agent/init/trial.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define CALL_TIMEOUT  (60 * NS_PER_S)
#define LOAD_TIMEOUT  (600 * NS_PER_S)
#define CONFIG_MAX    (1 << 20)
#define TAIL_LINES    "200"
#define CACHED_IMAGE  INIT_CACHE "/ecs-agent.tar"
#define EXTERNAL      "ECS_EXTERNAL=true"
#define DESIRED_IMAGE INIT_CACHE "/desired-image"

/* --- the body -------------------------------------------------------------------------------- */

static const char *const env_defaults[] = {
    "ECS_LOGFILE=/log/ecs-agent.log",
    "ECS_DATADIR=/data",
    "ECS_AGENT_CONFIG_FILE_PATH=/etc/ecs/ecs.config.json",
    ("ECS_UPDATE_DOWNLOAD_DIR=" INIT_CACHE),
    "ECS_UPDATES_ENABLED=true",
    "ECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\",\"syslog\",\"awslogs\",\"fluentd\",\"none\"]",
    "ECS_ENABLE_TASK_IAM_ROLE=true",
    "ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST=true",
    "ECS_VOLUME_PLUGIN_CAPABILITIES=[\"efsAuth\"]",
    "ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE=true",
};

static bool in_env(const json_t *env, const char *line)
{
    for (size_t i = 0; i < json_array_size(env); i++)
        if (str_eq(json_string_value(json_array_get(env, i)), line))
            return true;
    return false;
}

static json_t *binds(const struct init *in, const json_t *env)
{
    static const char *const fixed[] = {
        INIT_LOG ":/log",
        INIT_DATA ":/data",
        "/etc/ecs:/etc/ecs",
        INIT_CACHE ":" INIT_CACHE,
        "/sys/fs/cgroup:/sys/fs/cgroup",
        "/var/lib/ecs:/var/lib/ecs",
        "/proc:/host/proc:ro",
        "/etc/pki:/etc/pki:ro",
    };
    _cleanup_free_ char *socket = in->socket ? xstrdup(in->socket) : NULL;
    _cleanup_free_ char *gmsa = gmsa_bind(in, env);
    json_t *list = json_array();
    struct stat st;

    if (socket) {
        _cleanup_free_ char *bind = NULL;

        *strrchr(socket, '/') = '\0';
        bind = xasprintf("%s:%s", *socket ? socket : "/", *socket ? socket : "/");
        json_array_append_new(list, json_string(bind));
    }
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        json_array_append_new(list, json_string(fixed[i]));
    /* what tasks may be given, and what the agent writes for ECS Exec (getCapabilityBinds) */
    if (stat(INIT_DEPS, &st) == 0 && S_ISDIR(st.st_mode))
        json_array_append_new(list, json_string(INIT_DEPS ":/managed-agents:ro"));
    if (stat(INIT_DEPS "/execute-command", &st) == 0 && S_ISDIR(st.st_mode))
        json_array_append_new(list,
                              json_string(INIT_DEPS "/execute-command/config:"
                                                    "/managed-agents/execute-command/config"));
    if (in_env(env, EXTERNAL))
        json_array_append_new(list, json_string("/root/.aws:/rotatingcreds:ro"));
    if (gmsa)
        json_array_append_new(list, json_string(gmsa));
    return list;
}

static json_t *host_config(const struct init *in, const json_t *env)
{
    const char *size = init_env(in, "ECS_INIT_DOCKER_LOG_FILE_SIZE");
    const char *files = init_env(in, "ECS_INIT_DOCKER_LOG_FILE_NUM");
    json_t *host = json_object(), *log = json_object(), *options = json_object();

    json_put_str(options, "max-size", *size ? size : "16m");
    json_put_str(options, "max-file", *files ? files : "4");
    json_put_str(log, "Type", "json-file");
    json_put(log, "Config", options);
    json_put(host, "LogConfig", log);
    json_put(host, "Binds", binds(in, env));
    json_put_str(host, "NetworkMode", "host");
    json_put_str(host, "UsernsMode", "host");
    json_put_bool(host, "Init", true);
    if (!in_env(env, EXTERNAL)) {
        json_t *caps = json_array();

        json_array_append_new(caps, json_string("NET_ADMIN"));
        json_array_append_new(caps, json_string("SYS_ADMIN"));
        json_put(host, "CapAdd", caps);
    }
    if (init_env_true(in, "ECS_AGENT_PID_NAMESPACE_HOST"))
        json_put_str(host, "PidMode", "host");
    return host;
}

json_t *agent_container_body(struct init *in, const char *env_text, size_t n)
{
    json_t *body = json_object(), *env = json_array();

    for (size_t i = 0; i < ARRAY_SIZE(env_defaults); i++)
        init_env_put(env, env_defaults[i]);
    gmsa_env(in, env);
    init_env_put_file(in, env, env_text, n);
    json_put_str(body, "Image", in->options->image);
    json_put(body, "HostConfig", host_config(in, env));
    json_put(body, "Env", env);
    return body;
}

/* --- images ------------------------------------------------------------------------------------
 */

struct loading {
    void *map;
    size_t len;
    agent_image_fn done;
    void *user;
};

static void loaded(struct init *in, const struct engine_answer *a, void *user)
{
    struct loading *l = user;

    /* the engine says 200 to garbage too, and tells in the stream that it is some */
    const char *error = a->status != 200                     ? a->message
                        : strstr(a->body, "\"errorDetail\"") ? a->body
                                                             : NULL;

    l->done(in, error, l->user);
    if (l->map)
        munmap(l->map, l->len);
    free(l);
}

void agent_image_load(struct init *in, const char *path, agent_image_fn done, void *user)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct loading *l;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        done(in, strerror(errno), user);
        return;
    }
    if (st.st_size == 0 || st.st_size > AGENT_IMAGE_MAX) {
        done(in, st.st_size ? "the file is larger than 1 GiB" : "the file is empty", user);
        return;
    }
    l = new0(struct loading);
    *l = (struct loading){.len = (size_t)st.st_size, .done = done, .user = user};
    l->map = mmap(NULL, l->len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (l->map == MAP_FAILED) {
        free(l);
        done(in, strerror(errno), user);
        return;
    }
    log_event(&in->log, LOG_INFO, "Loading an image", "file", path, NULL);
    engine_call(in, "POST", "/images/load?quiet=1", "application/x-tar", l->map, l->len,
                LOAD_TIMEOUT, loaded, l);
}

struct need {
    agent_image_fn done;
    void *user;
};

static void looked(struct init *in, const struct engine_answer *a, void *user)
{
    struct need n = *(struct need *)user;

    free(user);
    if (a->status == 200)
        n.done(in, NULL, n.user);
    else if (a->status == 404)
        agent_image_load(in, CACHED_IMAGE, n.done, n.user);
    else
        n.done(in, a->message, n.user);
}

void agent_image_need(struct init *in, agent_image_fn done, void *user)
{
    _cleanup_free_ char *path = xasprintf("/images/%s/json", in->options->image);
    struct need *n = new0(struct need);

    *n = (struct need){done, user};
    engine_call(in, "GET", path, NULL, NULL, 0, CALL_TIMEOUT, looked, n);
}

/* --- the container --------------------------------------------------------------------------- */

static void waited(struct init *in, const struct engine_answer *a, void *user)
{
    json_t *v = a->status == 200 ? json_read(a->body, a->len, JSON_READ_PEER, NULL) : NULL;

    if (v)
        supervisor_ended(user, (int)json_int(v, "StatusCode", 1));
    else
        init_fail(in, "Docker does not tell the end of the agent", a->message);
    json_decref(v);
}

static struct trial *trial_of(struct supervisor *s)
{
    return s->data;
}

static void end_asked(struct init *in, const struct engine_answer *a, void *user)
{
    (void)user;
    /* its end comes as the answer to the wait */
    if (a->status >= 400)
        init_fail(in, "The container cannot be stopped", a->message);
}

static void end(struct supervisor *s)
{
    engine_call(s->in, "POST", "/containers/" INIT_CONTAINER "/stop?t=10", NULL, NULL, 0,
                CALL_TIMEOUT, end_asked, s);
}

static void not_registered(void *user)
{
    end(user);
}

static void started(struct init *in, const struct engine_answer *a, void *user)
{
    if (a->status != 204 && a->status != 304) {
        init_fail(in, "The container cannot be started", a->message);
        return;
    }
    log_event(&in->log, LOG_INFO, "The agent is started", "container", INIT_CONTAINER, NULL);
    trial_started(trial_of(user), not_registered, user);
    engine_call(in, "POST", "/containers/" INIT_CONTAINER "/wait", NULL, NULL, 0, 0, waited, user);
}

static void created(struct init *in, const struct engine_answer *a, void *user)
{
    if (a->status != 201) {
        init_fail(in, "The container cannot be created", a->message);
        return;
    }
    engine_call(in, "POST", "/containers/" INIT_CONTAINER "/start", NULL, NULL, 0, CALL_TIMEOUT,
                started, user);
}

static void removed(struct init *in, const struct engine_answer *a, void *user)
{
    _cleanup_buf_ struct buf config = BUF_INIT(CONFIG_MAX);
    _cleanup_free_ char *text = NULL;
    const char *path = in->options->env_file ? in->options->env_file : INIT_CONFIG;
    struct err e = ERR_INIT;
    json_t *body;

    if (a->status != 204 && a->status != 404) {
        init_fail(in, "The container of the agent before cannot be removed", a->message);
        return;
    }
    if (io_read_file(path, &config, &e) < 0 && (in->options->env_file || e.code != ERR_NOT_FOUND)) {
        init_fail(in, "The env-file cannot be read", e.text);
        return;
    }
    body = agent_container_body(in, buf_str(&config), buf_len(&config));
    text = json_text(body);
    json_decref(body);
    engine_call(in, "POST", "/containers/create?name=" INIT_CONTAINER, NULL, text, strlen(text),
                CALL_TIMEOUT, created, user);
}

static void with_image(struct init *in, const char *error, void *user)
{
    if (error)
        init_fail(in, "There is no image of the agent, and none can be loaded", error);
    else
        engine_call(in, "DELETE", "/containers/" INIT_CONTAINER "?force=1", NULL, NULL, 0,
                    CALL_TIMEOUT, removed, user);
}

static void start(struct supervisor *s)
{
    agent_image_need(s->in, with_image, s);
}

char *agent_desired_image(const char *text)
{
    size_t n = strcspn(text, "\r\n");
    _cleanup_free_ char *name = xstrndup(text, n);

    if (!*name || strchr(name, '/') || str_eq(name, ".") || str_eq(name, ".."))
        return NULL;
    return xasprintf(INIT_CACHE "/%s", name);
}

/* --- updates ---------------------------------------------------------------------------------- */

struct update {
    struct supervisor *s;
    char *before; /* id of the image that runs until now; NULL: not known */
};

/* as ecs-init: what cannot be loaded is told, and the old image runs again */
static void update_done(struct update *u, const char *error)
{
    struct supervisor *s = u->s;

    if (error)
        log_event(&s->in->log, LOG_ERROR, "The update cannot be loaded; the old image stays",
                  "error", error, NULL);
    free(u->before);
    free(u);
    supervisor_start_again(s);
}

static void update_seen(struct init *in, const struct engine_answer *a, void *user)
{
    struct update *u = user;
    json_t *v = a->status == 200 ? json_read(a->body, a->len, JSON_READ_PEER, NULL) : NULL;
    const char *now = json_str(v, "Id");
    _cleanup_free_ char *none = NULL;

    if (now && u->before && !str_eq(now, u->before))
        trial_begin(trial_of(u->s), u->before);
    else if (!now || u->before)
        none = xasprintf("it holds no new image %s", in->options->image);
    json_decref(v);
    update_done(u, none);
}

static void update_loaded(struct init *in, const char *error, void *user)
{
    _cleanup_free_ char *path = xasprintf("/images/%s/json", in->options->image);

    if (error) {
        update_done(user, error);
        return;
    }
    cache_state_write(in, CACHE_CACHED);
    engine_call(in, "GET", path, NULL, NULL, 0, CALL_TIMEOUT, update_seen, user);
}

static void update_load(struct init *in, const struct engine_answer *a, void *user)
{
    _cleanup_buf_ struct buf text = BUF_INIT(4096);
    _cleanup_free_ char *path = NULL;
    struct update *u = user;
    json_t *v = a->status == 200 ? json_read(a->body, a->len, JSON_READ_PEER, NULL) : NULL;
    struct err e = ERR_INIT;

    u->before = trial_image_id(json_str(v, "Image") ? json_str(v, "Image") : "");
    json_decref(v);
    if (io_read_file(DESIRED_IMAGE, &text, &e) < 0) {
        update_done(u, e.text);
        return;
    }
    path = agent_desired_image(buf_str(&text));
    if (path)
        agent_image_load(in, path, update_loaded, u);
    else
        update_done(u, DESIRED_IMAGE " names no file in " INIT_CACHE);
}

static void take_update(struct supervisor *s)
{
    struct update *u = new0(struct update);

    u->s = s;
    engine_call(s->in, "GET", "/containers/" INIT_CONTAINER "/json", NULL, NULL, 0, CALL_TIMEOUT,
                update_load, u);
}

static void back(struct init *in, const char *error, void *user)
{
    if (error)
        log_event(&in->log, LOG_ERROR, "No image from before the update can be had", "error", error,
                  NULL);
    supervisor_start_again(user);
}

static bool ended(struct supervisor *s, int code)
{
    bool no_good = trial_ended(trial_of(s), code);

    if (no_good)
        trial_roll_back(trial_of(s), back, s);
    return no_good;
}

/* Frames of 8 bytes and text, as the engine sends logs of a container without a terminal. */
static void told(struct init *in, const struct engine_answer *a, void *user)
{
    for (size_t at = 0; a->status == 200 && at + 8 <= a->len;) {
        const unsigned char *h = (const unsigned char *)a->body + at;
        size_t n = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];
        _cleanup_free_ char *line = NULL;

        if (n > a->len - at - 8)
            n = a->len - at - 8;
        line = xstrndup(a->body + at + 8, n);
        line[strcspn(line, "\n")] = '\0';
        log_event(&in->log, LOG_INFO, "The agent said", "line", line, NULL);
        at += 8 + n;
    }
    supervisor_start_later(user);
}

static void tell_tail(struct supervisor *s)
{
    engine_call(s->in, "GET",
                "/containers/" INIT_CONTAINER "/logs?stdout=1&stderr=1&tail=" TAIL_LINES, NULL,
                NULL, 0, CALL_TIMEOUT, told, s);
}

const struct agent_runner agent_container_runner = {.name = "container",
                                                    .start = start,
                                                    .end = end,
                                                    .take_update = take_update,
                                                    .ended = ended,
                                                    .tell_tail = tell_tail};

static void stopped(struct init *in, const struct engine_answer *a, void *user)
{
    (void)user;
    if (a->status == 204 || a->status == 304 || a->status == 404)
        init_end(in, INIT_EXIT_OK);
    else
        init_fail(in, "The container cannot be stopped", a->message);
}

void agent_container_stop(struct init *in)
{
    engine_call(in, "POST", "/containers/" INIT_CONTAINER "/stop?t=10", NULL, NULL, 0, CALL_TIMEOUT,
                stopped, NULL);
}
