#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/command_run.h"
#include "base/mem.h"

/* libuv lets go of its handles later: a child outlives the run that was cancelled. */
struct child {
    uv_process_t process;
    uv_pipe_t pipe, input, error; /* the last two only of a program that is given input */
    unsigned int open;            /* handles */
    struct command_run *run;      /* NULL: cancelled */
    struct buf output, said;
    char *text; /* on its way to it */
    uv_write_t write;
    char chunk[4096];
    bool exited;
    unsigned int undrained; /* pipes that have not ended */
    int code;
};

struct command_run {
    struct loop *loop;
    struct commands commands;
    size_t at;
    struct child *child;
    struct clock_timer later;
    command_fn fn;
    void *user;
};

void commands_add(struct commands *c, bool may_fail, const char *fmt, ...)
{
    va_list ap;

    grow_array(c->list, c->n, c->cap);
    va_start(ap, fmt);
    c->list[c->n].line = xvasprintf(fmt, ap);
    va_end(ap);
    c->list[c->n].input = NULL;
    c->list[c->n].env = NULL;
    c->list[c->n++].may_fail = may_fail;
}

void commands_add_program(struct commands *c, const char *path, const char *input, char **env)
{
    grow_array(c->list, c->n, c->cap);
    c->list[c->n].line = xstrdup(path);
    c->list[c->n].may_fail = false;
    c->list[c->n].input = xstrdup(input ? input : "");
    c->list[c->n++].env = env;
}

void commands_free_env(char **env)
{
    for (size_t i = 0; env && env[i]; i++)
        free(env[i]);
    free(env);
}

void commands_release(struct commands *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->list[i].line);
        free(c->list[i].input);
        commands_free_env(c->list[i].env);
    }
    free(c->list);
    *c = (struct commands){0};
}

/* ---- one child ---- */

static void on_closed(uv_handle_t *h)
{
    struct child *c = h->data;

    if (--c->open)
        return;
    buf_release(&c->output);
    buf_release(&c->said);
    free(c->text);
    free(c);
}

static void run_free(struct command_run *r)
{
    loop_timer_stop(r->loop, &r->later);
    commands_release(&r->commands);
    free(r);
}

static void finish(struct command_run *r, bool started, int code, const char *output,
                   const char *error)
{
    struct command_result result = {started, code, output, error, r->commands.list[r->at].line};

    r->fn(&result, r->user);
    run_free(r);
}

static void spawn(struct command_run *r);

static void close_all(struct child *c)
{
    uv_close((uv_handle_t *)&c->process, on_closed);
    uv_close((uv_handle_t *)&c->pipe, on_closed);
    if (!c->text)
        return;
    uv_close((uv_handle_t *)&c->error, on_closed);
    if (!uv_is_closing((uv_handle_t *)&c->input))
        uv_close((uv_handle_t *)&c->input, on_closed);
}

static void child_ended(struct child *c)
{
    struct command_run *r = c->run;

    if (!c->exited || c->undrained)
        return;
    close_all(c);
    if (!r)
        return;
    r->child = NULL;
    c->run = NULL;
    if ((c->code == 0 || r->commands.list[r->at].may_fail) && r->at + 1 < r->commands.n) {
        r->at++;
        spawn(r);
        return;
    }
    finish(r, true, r->commands.list[r->at].may_fail ? 0 : c->code, buf_str(&c->output),
           buf_str(&c->said));
}

static void on_exited(uv_process_t *p, int64_t status, int signal)
{
    struct child *c = p->data;

    c->exited = true;
    c->code = signal ? -1 : (int)status;
    child_ended(c);
}

static void on_room(uv_handle_t *h, size_t wanted, uv_buf_t *ret)
{
    struct child *c = h->data;

    (void)wanted;
    *ret = uv_buf_init(c->chunk, sizeof(c->chunk));
}

static void on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct child *c = s->data;

    if (n > 0) /* what is too much is not kept */
        buf_add(s == (uv_stream_t *)&c->error ? &c->said : &c->output, b->base, (size_t)n);
    if (n >= 0)
        return;
    uv_read_stop(s);
    c->undrained--;
    child_ended(c);
}

/* It has the text, or does not want it: either way it sees the end of it. */
static void on_fed(uv_write_t *w, int status)
{
    struct child *c = w->data;

    (void)status;
    if (!uv_is_closing((uv_handle_t *)&c->input))
        uv_close((uv_handle_t *)&c->input, on_closed);
}

static void feed(struct child *c)
{
    uv_buf_t b = uv_buf_init(c->text, (unsigned int)strlen(c->text));

    c->write.data = c;
    uv_read_start((uv_stream_t *)&c->error, on_room, on_output);
    if (uv_write(&c->write, (uv_stream_t *)&c->input, &b, 1, on_fed) < 0)
        uv_close((uv_handle_t *)&c->input, on_closed);
}

/* ---- all of them ---- */

static void on_not_started(struct clock_timer *t)
{
    finish(container_of(t, struct command_run, later), false, -1, "", "");
}

static int words_of(char *line, char *words[COMMAND_WORDS_MAX])
{
    char *save = NULL;
    int n = 0;

    for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        if (n == COMMAND_WORDS_MAX - 1)
            return -1;
        words[n++] = w;
    }
    words[n] = NULL;
    return n;
}

/* The words of the line, or its path alone. */
static int split(const struct command_run *r, char *line, char *words[COMMAND_WORDS_MAX])
{
    if (!r->commands.list[r->at].input)
        return words_of(line, words) > 0 ? 0 : -1;
    words[0] = line;
    words[1] = NULL;
    return 0;
}

static struct child *child_new(struct command_run *r)
{
    struct child *c = new0(struct child);

    c->run = r;
    c->text = xstrdup(r->commands.list[r->at].input);
    c->open = c->text ? 4 : 2;
    c->undrained = c->text ? 2 : 1;
    c->process.data = c->pipe.data = c->input.data = c->error.data = c;
    buf_init(&c->output, COMMAND_OUTPUT_MAX);
    buf_init(&c->said, COMMAND_OUTPUT_MAX);
    uv_pipe_init(&r->loop->uv, &c->pipe, 0);
    if (c->text) {
        uv_pipe_init(&r->loop->uv, &c->input, 0);
        uv_pipe_init(&r->loop->uv, &c->error, 0);
    }
    return c;
}

static void spawn(struct command_run *r)
{
    struct child *c = child_new(r);
    char *line = xstrdup(r->commands.list[r->at].line), *words[COMMAND_WORDS_MAX];
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->pipe},
        {.flags = UV_IGNORE},
    };
    uv_process_options_t o = {.exit_cb = on_exited,
                              .stdio = stdio,
                              .stdio_count = 3,
                              .args = words,
                              .env = r->commands.list[r->at].env};
    int failed = split(r, line, words);

    if (c->text) {
        stdio[0] = (uv_stdio_container_t){.flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
                                          .data.stream = (uv_stream_t *)&c->input};
        stdio[2] = (uv_stdio_container_t){.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
                                          .data.stream = (uv_stream_t *)&c->error};
    }
    o.file = failed ? "" : words[0];
    if (uv_spawn(&r->loop->uv, &c->process, &o) < 0 || failed) {
        close_all(c);
        loop_timer_start(r->loop, &r->later, 0, on_not_started);
    } else {
        uv_read_start((uv_stream_t *)&c->pipe, on_room, on_output);
        if (c->text)
            feed(c);
        r->child = c;
    }
    free(line);
}

struct command_run *command_run_start(struct loop *l, struct commands *c, command_fn fn, void *user)
{
    struct command_run *r = new0(struct command_run);

    r->loop = l;
    r->commands = *c;
    *c = (struct commands){0};
    r->fn = fn;
    r->user = user;
    spawn(r);
    return r;
}

void command_run_cancel(struct command_run *r)
{
    if (!r)
        return;
    if (r->child) {
        r->child->run = NULL;
        uv_process_kill(&r->child->process, SIGKILL);
    }
    run_free(r);
}
