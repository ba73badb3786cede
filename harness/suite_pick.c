/* Which scenarios are run, and which cannot be: the second part of harness/suite.h. */
#include "harness/suite.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/agent_feature.h"
#include "harness/feature.h"
#include "harness/match.h"

static void add_file(struct files *f, const char *path)
{
    grow_array(f->paths, f->n, f->cap);
    f->paths[f->n++] = xstrdup(path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_tree(struct files *f, const char *dir, struct err *e)
{
    _cleanup_closedir_ DIR *d = opendir(dir);
    const struct dirent *entry;

    if (!d)
        return err_sys(e, errno, "%s", dir);
    while ((entry = readdir(d))) {
        _cleanup_free_ char *path = xasprintf("%s/%s", dir, entry->d_name);
        struct stat st;

        if (entry->d_name[0] == '.' || stat(path, &st) < 0)
            continue;
        if (S_ISREG(st.st_mode) && str_ends(path, ".scn"))
            add_file(f, path);
        else if (S_ISDIR(st.st_mode) && !str_eq(entry->d_name, "lib") &&
                 !str_eq(entry->d_name, "self") && add_tree(f, path, e) < 0)
            return -1;
    }
    return 0;
}

int files_add(struct files *f, const char *path, struct err *e)
{
    _cleanup_free_ char *clean = xstrdup(path);
    size_t n = strlen(clean), first = f->n;
    struct stat st;

    if (stat(path, &st) < 0)
        return err_set(e, ERR_USAGE, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode)) {
        add_file(f, path);
        return 0;
    }
    while (n > 1 && clean[n - 1] == '/')
        clean[--n] = '\0';
    if (add_tree(f, clean, e) < 0)
        return -1;
    if (f->n > first)
        qsort(f->paths + first, f->n - first, sizeof(*f->paths), by_name);
    return 0;
}

void files_release(struct files *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->paths[i]);
    free(f->paths);
}

char *suite_scenario_name(const char *path)
{
    const char *name = path, *last = NULL;
    size_t n;

    for (const char *at = path; (at = strstr(at, "scenarios/")); at++)
        if (at == path || at[-1] == '/')
            last = at;
    if (last)
        name = last + strlen("scenarios/");
    while (str_starts(name, "./"))
        name += 2;
    n = strlen(name);
    return xstrndup(name, str_ends(name, ".scn") ? n - 4 : n);
}

uint64_t suite_shard(const char *name, uint64_t n)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */

    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 1099511628211u;
    return (h ^ h >> 32) % n + 1;
}

/* --- which are run ------------------------------------------------------------------------ */

static bool has_tag(const struct scn *s, const char *tag, size_t n)
{
    for (size_t i = 0; i < s->n_tags; i++)
        if (strlen(s->tags[i]) == n && !strncmp(s->tags[i], tag, n))
            return true;
    return false;
}

static bool tags_want(const struct scn *s, const char *list)
{
    bool any_wanted = false, found = false;

    while (list && *list) {
        size_t n = strcspn(list, ",");

        if (*list == '-' && has_tag(s, list + 1, n - 1))
            return false;
        if (*list != '-') {
            any_wanted = true;
            found = found || has_tag(s, list, n);
        }
        list += n + (list[n] == ',');
    }
    return !any_wanted || found;
}

bool suite_selects(const struct run_options *o, const struct scn *s)
{
    if (o->filter && !strstr(s->source.path, o->filter) && !strstr(s->title, o->filter))
        return false;
    if (o->shards) {
        _cleanup_free_ char *name = suite_scenario_name(s->source.path);

        if (suite_shard(name, o->shards) != o->shard)
            return false;
    }
    return tags_want(s, o->tags);
}

/* A scenario that starts no process is spared the sandbox: nothing of it could reach the machine,
 * and it costs several times what such a scenario does. */
bool suite_wants_sandbox(const struct scn *file, struct scn_step *const *steps, size_t n)
{
    for (size_t i = 0; i < file->n_needs; i++)
        if (str_eq(file->needs[i], "sandbox"))
            return true;
    for (size_t i = 0; i < n; i++) {
        const struct scn_step *s = steps[i];

        if (s->id == VERB_START_AGENT || s->id == VERB_RUN || s->id == VERB_BOOT ||
            suite_wants_sandbox(file, s->steps, s->n_steps) ||
            (s->import && suite_wants_sandbox(s->import, s->import->steps, s->import->n_steps)))
            return true;
    }
    return false;
}

static char *not_for(const char *whom, const char *guard, const char *version)
{
    struct buf b = BUF_INIT(4096);
    char *text;

    agent_feature_explain(guard, &b);
    buf_addf(&b, ", this is %s", version ? version : "of unknown version");
    text = xasprintf("for %s %s", whom, buf_str(&b));
    buf_release(&b);
    return text;
}

/* An agent and a Docker that the agent itself refuses. A scenario that is about an engine shows
 * that; to all others it says nothing. */
static char *cannot_meet(const struct scn *s, const struct run_config *c)
{
    static const struct {
        const char *agent, *docker;
    } strangers[] = {{"docker-1.9-floor", "<1.9"}, {"!docker-25", ">=25"}};

    for (size_t i = 0; i < ARRAY_SIZE(strangers) && c->docker && !s->docker; i++)
        if (match_version(strangers[i].docker, c->docker, NULL) > 0 &&
            match_version(strangers[i].agent, c->agent_version, NULL) > 0)
            return xasprintf("agent %s does not work with Docker %s", c->agent_version, c->docker);
    return NULL;
}

/* `second-agent`: newer (or the same), older, or versions. */
static bool second_fits(const char *guard, const struct run_config *c)
{
    _cleanup_free_ char *than = NULL;

    if (!str_eq(guard, "newer") && !str_eq(guard, "older"))
        return match_version(guard, c->second_version, NULL) > 0;
    than = xasprintf("%s%s", *guard == 'n' ? ">=" : "<", c->agent_version ? c->agent_version : "");
    return match_version(than, c->second_version, NULL) > 0;
}

static char *wrong_version(const struct scn *s, const struct run_config *c)
{
    for (size_t i = 0; i < s->n_agent; i++)
        if (match_version(s->agent[i], c->agent_version, NULL) <= 0)
            return not_for("agent", s->agent[i], c->agent_version);
    for (size_t i = 0; i < s->n_second; i++)
        if (!second_fits(s->second[i], c))
            return not_for("a second agent", s->second[i], c->second_version);
    if (c->docker && s->docker && match_version(s->docker, c->docker, NULL) <= 0)
        return not_for("Docker", s->docker, c->docker);
    return cannot_meet(s, c);
}

char *suite_skip_reason(const struct scn *s, const struct run_config *c, int64_t limit)
{
    struct pace pace = pace_choose(s->time, c->pace);
    int64_t passes = pace_passes(s) / pace.scale;
    char span[48], most[48], *why;

    if (pace.mode != LOOP_VIRTUAL && passes >= limit)
        return xasprintf(
            "it lets %s of real time pass, over its limit of %s: it needs virtual time",
            str_format_duration(passes, span), str_format_duration(limit, most));
    if (pace.mode == LOOP_REAL && pace_sets_clocks(s))
        return xstrdup("it sets clocks: it needs virtual time");
    if (pace.mode == LOOP_REAL && (c->crash == CRASH_COMMIT || c->crash == CRASH_WRITE))
        return xstrdup("only a tracer sees what is written: that needs virtual time");
    if (!c->trace && (why = wrong_version(s, c)))
        return why;
    if (!c->sandbox && c->profile && c->profile->needs_sandbox &&
        suite_wants_sandbox(s, s->steps, s->n_steps))
        return xasprintf("the agent needs a sandbox");
    for (size_t i = 0; i < s->n_needs; i++)
        if (feature_present(s->needs[i], c) <= 0)
            return xasprintf("needs %s", s->needs[i]);
    return NULL;
}
