#include "harness/boot/machine_waits.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/boot/command.h"

/* More jobs than a boot has. */
#define JOBS_MAX 1000

struct waiting {
    char unit[256], type[32], state[32];
    char on[256]; /* the unit it waits for; "": none */
    char *why;
};

struct waits {
    struct waiting jobs[JOBS_MAX];
    size_t n;
};

static struct waiting *find(struct waits *w, const char *unit)
{
    for (size_t i = 0; i < w->n; i++)
        if (str_eq(w->jobs[i].unit, unit))
            return &w->jobs[i];
    return NULL;
}

static void wait_on(struct waiting *j, const char *on, char *why)
{
    if (*j->on) { /* one is enough to hold it */
        free(why);
        return;
    }
    snprintf(j->on, sizeof(j->on), "%s", on);
    free(j->why);
    j->why = why;
}

/* "77 ecs.service start waiting", and below it "└─ waiting for job 60 (cloud-final.service/start)".
 */
static void read_list(struct waits *w, const char *list)
{
    while (*list) {
        size_t n = strcspn(list, "\n");
        _cleanup_free_ char *line = xstrndup(list, n);
        const char *for_job = strstr(line, "waiting for job ");
        struct waiting *last = w->n ? &w->jobs[w->n - 1] : NULL;
        char on[256];
        unsigned id;

        list += n + (list[n] == '\n');
        if (for_job && last && sscanf(for_job, "waiting for job %u (%255[^/]", &id, on) == 2) {
            wait_on(last, on, xasprintf("systemd: waiting for job %s", strchr(for_job, '(')));
        } else if (w->n < JOBS_MAX && isdigit((unsigned char)line[strspn(line, " ")])) {
            struct waiting *j = &w->jobs[w->n];

            if (sscanf(line, " %u %255s %31s %31s", &id, j->unit, j->type, j->state) == 4)
                w->n++;
        }
    }
}

/* The unit in whose control group a process is; NULL: none. */
static char *unit_of(const char *pid)
{
    _cleanup_free_ char *path = xasprintf("/proc/%s/cgroup", pid);
    _cleanup_buf_ struct buf text = BUF_INIT(1 << 16);

    if (io_read_file(path, &text, NULL) < 0)
        return NULL;
    for (const char *s = buf_str(&text); *s;) {
        size_t n = strcspn(s, "\n");
        const char *end = s + n, *p = end;

        while (p > s && p[-1] != '/')
            p--;
        if (end - p > 8 && strncmp(end - 8, ".service", 8) == 0)
            return xstrndup(p, (size_t)(end - p));
        s = end + (*end == '\n');
    }
    return NULL;
}

/* The words of a process, NULL-terminated; NULL: it is gone, or a thread of the kernel. */
static char **words_of(const char *pid)
{
    _cleanup_free_ char *path = xasprintf("/proc/%s/cmdline", pid);
    _cleanup_buf_ struct buf text = BUF_INIT(1 << 16);
    size_t n = 0, k = 0;
    char **words;

    if (io_read_file(path, &text, NULL) < 0 || !buf_len(&text))
        return NULL;
    for (size_t i = 0; i < buf_len(&text); i++)
        n += buf_str(&text)[i] == '\0';
    words = new0_array(char *, n + 2);
    for (const char *s = buf_str(&text), *end = s + buf_len(&text); s < end; s += strlen(s) + 1)
        words[k++] = xstrdup(s);
    return words;
}

/* Is its parent a timeout(1)? Then it waits for so long, and no longer. */
static bool is_limited(const char *pid)
{
    _cleanup_free_ char *path = xasprintf("/proc/%s/status", pid), *comm = NULL;
    _cleanup_buf_ struct buf text = BUF_INIT(1 << 16), name = BUF_INIT(256);
    const char *p;

    if (io_read_file(path, &text, NULL) < 0 || !(p = strstr(buf_str(&text), "\nPPid:")))
        return false;
    comm = xasprintf("/proc/%ld/comm", strtol(p + strlen("\nPPid:"), NULL, 10));
    return io_read_file(comm, &name, NULL) == 0 && str_eq(buf_str(&name), "timeout\n");
}

/* A systemctl that hangs holds the job of the unit it runs in. */
static void one_process(struct waits *w, const char *pid)
{
    char **words = words_of(pid);
    _cleanup_free_ char *unit = NULL;
    struct script s = {0};
    struct waiting *j;

    if (words && words[0] && str_ends(words[0], "systemctl") && (unit = unit_of(pid)) &&
        (j = find(w, unit)) && !is_limited(pid) &&
        script_words(&s, "process", (int)strtol(pid, NULL, 10), words, NULL) == 0)
        for (size_t i = 0; i < s.n; i++)
            for (size_t u = 0; s.ops[i].blocks && s.ops[i].units[u]; u++)
                if (find(w, s.ops[i].units[u]))
                    wait_on(j, s.ops[i].units[u],
                            xasprintf("process %s in it, \"%s\", waits for the job of %s", pid,
                                      s.ops[i].text, s.ops[i].units[u]));
    script_release(&s);
    str_argv_free(words);
}

static void read_processes(struct waits *w)
{
    _cleanup_closedir_ DIR *d = opendir("/proc");
    const struct dirent *e;

    while (d && (e = readdir(d)))
        if (isdigit((unsigned char)e->d_name[0]))
            one_process(w, e->d_name);
}

static json_t *job_json(const struct waiting *j)
{
    json_t *o = json_object();

    json_put_str(o, "unit", j->unit);
    json_put_str(o, "type", j->type);
    json_put_str(o, "state", j->state);
    if (*j->on)
        json_put_str(o, "waits_for", j->on);
    json_put_str(o, "why", j->why);
    return o;
}

/* The jobs of a circle, beginning with the one that runs; NULL: there is none. */
static json_t *circle(struct waits *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct waiting *slow = &w->jobs[i], *fast = slow, *j;
        json_t *list;

        do {
            slow = find(w, slow->on);
            fast = (fast = find(w, fast->on)) ? find(w, fast->on) : NULL;
        } while (fast && slow != fast);
        if (!fast)
            continue;
        for (j = fast; !str_eq(j->state, "running") && find(w, j->on) != fast;)
            j = find(w, j->on);
        fast = j;
        list = json_array();
        do {
            json_array_append_new(list, job_json(j));
            j = find(w, j->on);
        } while (j != fast);
        return list;
    }
    return NULL;
}

json_t *machine_deadlock(const char *list)
{
    struct waits *w = new0(struct waits);
    json_t *v = NULL, *round, *jobs;

    read_list(w, list);
    read_processes(w);
    round = circle(w);
    if (round) {
        v = json_object();
        jobs = json_array();
        for (size_t i = 0; i < w->n; i++)
            json_array_append_new(jobs, job_json(&w->jobs[i]));
        json_put(v, "cycle", round);
        json_put(v, "jobs", jobs);
    }
    for (size_t i = 0; i < w->n; i++)
        free(w->jobs[i].why);
    free(w);
    return v;
}
