#include "agent/init/supervisor.h"

#include <signal.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"

enum agent_exit_meaning agent_exit_meaning(int code)
{
    return code == 0    ? AGENT_DONE
           : code == 5  ? AGENT_NEVER_AGAIN
           : code == 42 ? AGENT_UPDATED
                        : AGENT_AGAIN;
}

void supervisor_start_again(struct supervisor *s)
{
    if (s->ending) {
        init_end(s->in, INIT_EXIT_OK);
        return;
    }
    s->runs = true;
    s->runner->start(s);
}

static void start_now(struct clock_timer *t)
{
    supervisor_start_again(container_of(t, struct supervisor, again));
}

void supervisor_start_later(struct supervisor *s)
{
    int64_t wait;
    char text[48];

    if (s->ending) {
        init_end(s->in, INIT_EXIT_OK);
        return;
    }
    wait = backoff_next(&s->backoff);
    log_event(&s->in->log, LOG_INFO, "The agent is started again", "wait",
              str_format_duration(wait, text), NULL);
    loop_timer_start(&s->in->loop, &s->again, wait, start_now);
}

void supervisor_ended(struct supervisor *s, int code)
{
    char text[16];

    s->runs = false;
    snprintf(text, sizeof(text), "%d", code);
    log_event(&s->in->log, code ? LOG_WARN : LOG_INFO, "The agent has ended", "exitCode", text,
              NULL);
    if (!s->ending && s->runner->ended && s->runner->ended(s, code))
        return;
    switch (agent_exit_meaning(code)) {
    case AGENT_DONE:
        init_end(s->in, INIT_EXIT_OK);
        return;
    case AGENT_NEVER_AGAIN:
        log_event(&s->in->log, LOG_ERROR,
                  "The agent says that it must not be started again: look at its log", NULL);
        init_end(s->in, INIT_EXIT_TERMINAL);
        return;
    case AGENT_UPDATED:
        log_event(&s->in->log, LOG_INFO, "An update was staged", NULL);
        if (s->runner->take_update)
            s->runner->take_update(s);
        else
            supervisor_start_again(s);
        return;
    case AGENT_AGAIN:
        if (code == 2 && s->runner->tell_tail)
            s->runner->tell_tail(s);
        else
            supervisor_start_later(s);
        return;
    }
}

static void on_signal(struct loop *l, int signo, void *user)
{
    struct supervisor *s = user;

    (void)l;
    log_event(&s->in->log, LOG_INFO, "Ending", "signal", signo == SIGTERM ? "SIGTERM" : "SIGINT",
              NULL);
    s->ending = true;
    loop_timer_stop(&s->in->loop, &s->again);
    if (s->runs)
        s->runner->end(s);
    else
        init_end(s->in, INIT_EXIT_OK);
}

void supervisor_run(struct supervisor *s, struct init *in, const struct agent_runner *runner,
                    void *data)
{
    struct err e = ERR_INIT;

    *s = (struct supervisor){.in = in, .runner = runner, .data = data};
    backoff_init(&s->backoff, SUPERVISOR_WAIT_MIN, SUPERVISOR_WAIT_MAX, 2, 0.1);
    if (loop_on_signal(&in->loop, SIGTERM, on_signal, s, &e) < 0 ||
        loop_on_signal(&in->loop, SIGINT, on_signal, s, &e) < 0) {
        init_fail(in, "No signals", e.text);
        return;
    }
    supervisor_start_again(s);
    loop_run(&in->loop);
    loop_timer_stop(&in->loop, &s->again);
}
