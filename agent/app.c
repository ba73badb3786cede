#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "agent/app.h"
#include "agent/app_parts.h"
#include "agent/credfetch_client.h"
#include "agent/version.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

void app_end(struct app *a, enum agent_exit status)
{
    a->status = status;
    loop_stop(&a->loop);
}

void app_fail(struct app *a, enum agent_exit status, const char *what, const struct err *e)
{
    char code[16];

    snprintf(code, sizeof(code), "%d", (int)status);
    log_event(&a->log, LOG_CRIT, what, "error", e->text, "exitCode", code, NULL);
    app_end(a, status);
}

/* What is no such number is the default, as the official agent has it. (logger/log.go) */
static void roll_log_file(struct app *a)
{
    char *end;
    double megabytes = strtod(a->config.log_size, &end);
    uint64_t rolls;

    if (str_eq(a->config.log_rollover, "none"))
        return;
    if (*end || end == a->config.log_size || !(megabytes > 0 && megabytes < 1e6))
        megabytes = LOG_FILE_MB;
    if (str_u64(a->config.log_rolls, LOG_ROLLS_MAX, &rolls) < 0)
        rolls = LOG_ROLLS;
    log_roll(&a->log, a->config.logfile, (int64_t)(megabytes * 1e6), (unsigned int)rolls);
}

/* The log file's folder is made when it is not there, as the official agent does. (seen) */
static void open_log_file(struct app *a)
{
    _cleanup_free_ char *folder = xstrdup(a->config.logfile);
    char *slash = strrchr(folder, '/');

    if (slash && slash != folder) {
        *slash = '\0';
        io_mkdirs(folder, 0755, NULL); /* what is wrong with it shows when the file is opened */
    }
    if (log_add_file(&a->log, a->config.logfile) < 0)
        log_event(&a->log, LOG_WARN, "Cannot open the log file", "path", a->config.logfile, "error",
                  strerror(errno), NULL);
    else
        roll_log_file(a);
}

void app_tell_notes(struct app *a)
{
    while (a->notes_told < a->config.n_notes)
        log_event(&a->log, LOG_WARN, a->config.notes[a->notes_told++], NULL);
}

static void open_log(struct app *a)
{
    const char *word = a->args->loglevel ? a->args->loglevel : a->config.loglevel;
    int level = log_level_from(word);

    log_init(&a->log, level < 0 ? LOG_INFO : (enum log_level)level, STDERR_FILENO);
    log_secret(&a->log, a->config.secret_key);
    log_secret(&a->log, a->config.session_token);
    if (*a->config.logfile)
        open_log_file(a);
    if (level < 0)
        log_event(&a->log, LOG_WARN, "The log level is not known: info is taken", "level", word,
                  NULL);
    if (a->args->print_config)
        return;
    app_tell_notes(a);
    log_event(&a->log, LOG_INFO, "Starting", "version", ECSIM_VERSION, NULL);
}

static void on_end_signal(struct loop *l, int signo, void *user)
{
    struct app *a = user;
    struct err e = ERR_INIT;

    (void)l;
    log_event(&a->log, LOG_INFO, "Ending", "signal", signo == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
    if (a->engine && engine_save(a->engine, &e) < 0)
        app_fail(a, AGENT_EXIT_TERMINAL, "The last save failed", &e);
    else
        app_end(a, AGENT_EXIT_OK);
}

static int watch_loop(struct app *a, struct err *e)
{
    a->trust = (struct http_trust){a->args->insecure, a->config.ca_file, &a->proxy};
    a->http = http_new(&a->loop, &a->trust, e);
    if (!a->http)
        return -1;
    if (loop_on_signal(&a->loop, SIGTERM, on_end_signal, a, e) < 0)
        return -1;
    return loop_on_signal(&a->loop, SIGINT, on_end_signal, a, e);
}

/* A second signal must not cut the end short: libuv gives the signals back to the system. */
static void block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Those who call others go before those who are called. */
static void release(struct app *a)
{
    block_signals();
    ecs_discovery_free(a->discovery);
    updater_free(a->updater);
    acs_session_free(a->acs);
    tmds_free(a->tmds);
    introspection_free(a->introspection);
    engine_free(a->engine);
    docker_free(a->docker);
    s3_client_free(a->s3);
    ecr_auth_free(a->ecr);
    credfetch_client_free(a->credfetch);
    aws_caller_free(a->aws);
    tcs_session_free(a->tcs);
    ecs_register_cancel(a->registering);
    ec2_tags_cancel(a->asking_tags);
    loop_timer_stop(&a->loop, &a->pool_timer);
    spot_free(a->spot);
    command_run_cancel(a->asking);
    link_watch_free(a->links);
    attachments_free(a->attachments);
    submit_queue_free(a->queue);
    ecs_client_free(a->ecs);
    imds_free(a->imds);
    credentials_free(a->credentials);
    state_store_close(a->store);
    http_free(a->http);
    web_free(a->web);
    registry_auth_release(&a->registries);
    loop_release(&a->loop);
    task_credentials_release(&a->task_credentials);
    free(a->cluster);
    free(a->ec2_instance_id);
    free(a->identity_document);
    free(a->identity_signature);
    free(a->instance_arn);
    free(a->zone);
    free(a->private_ipv4);
    free(a->zone_id);
    free(a->vpc_id);
    gpus_release(&a->gpus);
    free(a->subnet_id);
    free(a->mac);
    json_decref(a->plugin_versions);
}

enum agent_exit app_run(const struct args *args, const char *const *env)
{
    struct app a = {.args = args, .status = AGENT_EXIT_OK};
    struct err e = ERR_INIT;

    if (config_load(&a.config, env, &e) < 0) {
        fprintf(stderr, "ecsim-agent: %s\n", e.text);
        config_release(&a.config);
        return AGENT_EXIT_RESTART;
    }
    proxy_read(&a.proxy, env);
    open_log(&a);
    task_credentials_init(&a.task_credentials, &a.log);
    signal(SIGPIPE, SIG_IGN); /* a peer that leaves is an error of one connection */
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of one write */
    if (loop_init(&a.loop, &e) < 0) {
        log_event(&a.log, LOG_CRIT, e.text, NULL);
        a.status = AGENT_EXIT_RESTART;
    } else {
        if (watch_loop(&a, &e) == 0)
            app_start(&a);
        else
            app_fail(&a, AGENT_EXIT_RESTART, "Starting", &e);
        loop_run(&a.loop);
        release(&a);
    }
    log_release(&a.log);
    config_release(&a.config);
    return a.status;
}
