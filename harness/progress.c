#include "harness/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

void progress_init(struct progress *p, FILE *out, struct progress_item *items, size_t n)
{
    struct winsize ws;

    *p = (struct progress){.out = out, .items = items, .n = n, .width = 80};
    p->live = isatty(fileno(out));
    if (p->live && ioctl(fileno(out), TIOCGWINSZ, &ws) == 0 && ws.ws_col > 20)
        p->width = ws.ws_col;
}

size_t progress_passed(const struct progress *p)
{
    return p->count[OUTCOME_PASSED] + p->count[OUTCOME_KNOWN];
}

size_t progress_failed(const struct progress *p)
{
    return p->count[OUTCOME_FAILED] + p->count[OUTCOME_NO_AGENT] + p->count[OUTCOME_HARNESS];
}

size_t progress_skipped(const struct progress *p)
{
    return p->count[OUTCOME_SKIPPED];
}

void progress_begin(struct progress *p)
{
    if (p->live || p->quiet)
        return;
    fprintf(p->out, "TAP version 13\n1..%zu\n", p->n);
    fflush(p->out);
}

void progress_tick(struct progress *p)
{
    struct buf b = BUF_INIT(4096);

    if (!p->live)
        return;
    buf_addf(&b, "[%zu/%zu] %zu passed, %zu failed, %zu skipped", p->n_done, p->n,
             progress_passed(p), progress_failed(p), progress_skipped(p));
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].running)
            buf_addf(&b, "  %s", p->items[i].path);
    fprintf(p->out, "\r\033[K%.*s", p->width - 1, buf_str(&b));
    fflush(p->out);
    buf_release(&b);
}

/* Each line of text behind a prefix. */
static void indent(FILE *out, const char *prefix, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");

        fprintf(out, "%s%.*s\n", prefix, (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static void tap_line(struct progress *p, size_t i)
{
    const struct progress_item *it = &p->items[i];
    const struct result *r = &it->result;
    bool ok = r->outcome == OUTCOME_PASSED || r->outcome == OUTCOME_SKIPPED;

    fprintf(p->out, "%s %zu - %s: %s", ok ? "ok" : "not ok", p->n_done, it->path, it->title);
    if (r->outcome == OUTCOME_SKIPPED)
        fprintf(p->out, " # SKIP %s", r->reason);
    else if (r->outcome == OUTCOME_KNOWN)
        fprintf(p->out, " # TODO %s", r->reason); /* lint-ok: words, it is TAP's own */
    else if (ok && it->tries)
        fprintf(p->out, " # flaky: failed %d of %d times: %s", it->tries, it->tries + 1,
                it->at_first);
    fprintf(p->out, "\n");
    if (!ok && r->outcome != OUTCOME_KNOWN) {
        fprintf(p->out, "  ---\n  outcome: %s\n  seconds: %.3f\n  report: |\n",
                outcome_name(r->outcome), r->seconds);
        indent(p->out, "    ", r->report ? r->report : r->reason);
        fprintf(p->out, "  ...\n");
    }
    fflush(p->out);
}

void progress_done(struct progress *p, size_t i)
{
    struct progress_item *it = &p->items[i];
    const struct result *r = &it->result;

    it->done = true;
    p->count[r->outcome]++;
    p->n_flaky += r->outcome == OUTCOME_PASSED && it->tries;
    p->n_done++;
    if (p->quiet) {
        progress_tick(p);
        return;
    }
    if (!p->live) {
        tap_line(p, i);
        return;
    }
    if (r->outcome == OUTCOME_SKIPPED) {
        fprintf(p->out, "\r\033[Kskipped  %s: %s\n", it->path, r->reason);
    } else if (r->outcome == OUTCOME_PASSED && it->tries) {
        fprintf(p->out, "\r\033[Kflaky  %s: failed %d of %d times: %s\n", it->path, it->tries,
                it->tries + 1, it->at_first);
    } else if (r->outcome != OUTCOME_PASSED && r->outcome != OUTCOME_KNOWN) {
        fprintf(p->out, "\r\033[K%s  %s: %s\n", outcome_name(r->outcome), it->path, it->title);
        indent(p->out, "  ", r->report ? r->report : r->reason);
    }
    progress_tick(p);
}

void progress_bail(struct progress *p, const char *why)
{
    fprintf(p->out, "%s%s: %zu of %zu had not ended\n",
            p->live ? "\r\033[Kstopped early: " : "Bail out! ", why, p->n - p->n_done, p->n);
}

void progress_end(struct progress *p, double seconds, double clock)
{
    if (p->live)
        fprintf(p->out, "\r\033[K");
    if (p->quiet)
        return;
    if (!p->live)
        fprintf(p->out, "# ");
    fprintf(p->out, "%.2f s of real time for %.2f s on the scenarios' clocks", seconds, clock);
    if (p->count[OUTCOME_KNOWN])
        fprintf(p->out, "; %zu failed as known", p->count[OUTCOME_KNOWN]);
    if (p->n_flaky)
        fprintf(p->out, "; %zu flaky", p->n_flaky);
    fprintf(p->out, "\n%zu passed, %zu failed, %zu skipped\n", progress_passed(p),
            progress_failed(p), progress_skipped(p));
    fflush(p->out);
}
