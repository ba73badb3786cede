#include <errno.h>
#include <signal.h>

#include "agent/app.h"
#include "agent/config.h"
#include "agent/http.h"
#include "agent/loop.h"
#include "base/log.h"

struct app {
    const struct args *args;
    struct config config;
    struct log log;
    struct loop loop;
    struct http *http;
    enum agent_exit status;
};

static void open_log(struct app *a)
{
    const char *word = a->args->loglevel ? a->args->loglevel : a->config.loglevel;
    int level = log_level_from(word);

    log_init(&a->log, level < 0 ? LOG_INFO : (enum log_level)level, STDERR_FILENO);
    log_secret(&a->log, a->config.secret_key);
    log_secret(&a->log, a->config.session_token);
    if (*a->config.logfile && log_add_file(&a->log, a->config.logfile) < 0)
        log_event(&a->log, LOG_WARN, "Cannot open the log file", "path", a->config.logfile, "error",
                  strerror(errno), NULL);
    for (size_t i = 0; i < a->config.n_notes; i++)
        log_event(&a->log, LOG_WARN, a->config.notes[i], NULL);
}

static void on_end_signal(struct loop *l, int signo, void *user)
{
    struct app *a = user;

    log_msg(&a->log, LOG_INFO, "Ending on signal %d", signo);
    loop_stop(l);
}

enum agent_exit app_run(const struct args *args, const char *const *env)
{
    struct app a = {.args = args, .status = AGENT_EXIT_OK};
    struct err e = ERR_INIT;

    if (config_load(&a.config, env, &e) < 0 || config_check(&a.config, &e) < 0) {
        fprintf(stderr, "ecsim-agent: %s\n", e.text);
        config_release(&a.config);
        return AGENT_EXIT_RESTART;
    }
    open_log(&a);
    if (loop_init(&a.loop, &e) < 0) {
        log_event(&a.log, LOG_CRIT, e.text, NULL);
        return AGENT_EXIT_RESTART;
    }
    a.http = http_new(&a.loop, args->insecure, &e);
    if (!a.http || loop_on_signal(&a.loop, SIGTERM, on_end_signal, &a, &e) < 0 ||
        loop_on_signal(&a.loop, SIGINT, on_end_signal, &a, &e) < 0) {
        log_event(&a.log, LOG_CRIT, e.text, NULL);
        a.status = AGENT_EXIT_RESTART;
    } else {
        loop_run(&a.loop);
    }
    http_free(a.http);
    loop_release(&a.loop);
    log_release(&a.log);
    config_release(&a.config);
    return a.status;
}
