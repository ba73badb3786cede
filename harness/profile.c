#include "harness/profile.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/match.h"
#include "harness/profile_parse.h"

/* What comes with ecsim, in the form in which users write theirs. */
static const char built_in[] =
    "# What a bare official binary needs beyond the addresses that every agent is given; the same\n"
    "# paths as in the container that ecs-init makes for it.\n"
    "agent    official\n"
    "title    Amazon's agent, a bare binary of any version from 1.14\n"
    "command  $ECSIM_OFFICIAL_AGENT\n"
    "command  amazon-ecs-agent\n"
    "command  agent\n"
    "says     \"Amazon ECS Agent\"\n"
    "env      ECS_LOGFILE=${agent.log}/ecs-agent.log\n"
    "differs  in <=1.20 \"tasks ask for metadata at 51679 on all addresses, not only 127.0.0.1\"\n"
    "differs  in <1.52 \"does not answer ACS heartbeats\"\n"
    "dies     newDisconnectTimeoutHandler unreported in >=1.75.1,<1.76 \"TCS, after half an "
    "hour\"\n"
    "differs  in <=1.62 \"needs an engine that offers API 1.21: Docker 25 and newer do not\"\n"
    "\n"
    /* last: it says that it is an Amazon ECS Agent, too, and later ones are looked at first */
    "agent    reference\n"
    "title    The agent of this project\n"
    "command  ecsim-agent\n"
    "says     ecsim-agent\n"
    "has      reference-agent\n"
    "ports    ECSIM_INTROSPECTION\n";

/* An agent of which nothing is known. */
static const struct profile plain = {.name = NULL};

static void knowns_release(struct profile_knowns *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].what);
        free(l->v[i].issue);
        free(l->v[i].guard);
        free(l->v[i].reason);
    }
    free(l->v);
}

void profile_free(struct profile *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_commands; i++)
        free(p->commands[i]);
    for (size_t i = 0; i < p->n_ask; i++)
        free(p->ask[i]);
    for (size_t i = 0; i < p->n_features; i++)
        free(p->features[i]);
    for (size_t i = 0; i < p->n_env; i++) {
        free(p->env[i].name);
        free(p->env[i].value);
    }
    knowns_release(&p->known);
    knowns_release(&p->crashes);
    for (size_t i = 0; i < p->n_notes; i++) {
        free(p->notes[i].guard);
        free(p->notes[i].text);
    }
    free(p->commands);
    free(p->ask);
    free(p->features);
    free(p->env);
    free(p->notes);
    free(p->name);
    free(p->title);
    free(p->from);
    free(p->folder);
    free(p->version);
    free(p->says);
    free(p->introspection);
    free(p);
}

void profiles_init(struct profiles *ps)
{
    struct diag d;

    *ps = (struct profiles){0};
    diag_init(&d);
    if (profiles_read_text(ps, NULL, built_in, strlen(built_in), &d) < 0) {
        fputs(diag_text(&d), stderr);
        abort(); /* a fault of ours, which the tests find */
    }
    diag_release(&d);
}

void profiles_release(struct profiles *ps)
{
    for (size_t i = 0; i < ps->n; i++)
        profile_free(ps->all[i]);
    free(ps->all);
    *ps = (struct profiles){0};
}

static void add(struct profiles *ps, struct profile *p)
{
    for (size_t i = 0; i < ps->n; i++)
        if (str_eq(ps->all[i]->name, p->name)) {
            profile_free(ps->all[i]);
            ps->all[i] = p;
            return;
        }
    grow_array(ps->all, ps->n, ps->cap);
    ps->all[ps->n++] = p;
}

int profiles_read_text(struct profiles *ps, const char *path, const char *text, size_t len,
                       struct diag *d)
{
    struct profiles read = {0};
    int k = profile_parse(&read, path, text, len, d);

    for (size_t i = 0; i < read.n; i++) {
        if (k == 0)
            add(ps, read.all[i]);
        else
            profile_free(read.all[i]);
    }
    free(read.all);
    return k;
}

int profiles_read(struct profiles *ps, const char *path, struct diag *d)
{
    _cleanup_buf_ struct buf text = BUF_INIT(PROFILE_FILE_MAX);
    struct err e = ERR_INIT;

    if (io_read_file(path, &text, &e) < 0)
        return diag_error(d, NULL, (struct pos){0}, "%s", e.text);
    return profiles_read_text(ps, path, buf_str(&text), buf_len(&text), d);
}

int profiles_read_usual(struct profiles *ps, struct diag *d)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char *paths[2] = {NULL, xstrdup("ecsim.agents")};
    int k = 0;

    if (config && *config)
        paths[0] = xasprintf("%s/ecsim/agents", config);
    else if (home && *home)
        paths[0] = xasprintf("%s/.config/ecsim/agents", home);
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        if (paths[i] && access(paths[i], F_OK) == 0 && profiles_read(ps, paths[i], d) < 0)
            k = -1;
        free(paths[i]);
    }
    return k;
}

const struct profile *profiles_find(const struct profiles *ps, const char *name)
{
    for (size_t i = 0; i < ps->n; i++)
        if (str_eq(ps->all[i]->name, name))
            return ps->all[i];
    return NULL;
}

const struct profile *profiles_guess(const struct profiles *ps, const char *output)
{
    for (size_t i = ps->n; i-- > 0;)
        if (ps->all[i]->says && strstr(output, ps->all[i]->says))
            return ps->all[i];
    return &plain;
}

void profiles_suggest(const struct profiles *ps, const char *word, struct buf *out)
{
    const char *names[PROFILES_MAX], *near;

    for (size_t i = 0; i < ps->n; i++)
        names[i] = ps->all[i]->name;
    near = str_nearest(word, names, ps->n);
    if (near)
        buf_addf(out, "; did you mean the agent \"%s\"?", near);
}

bool profile_has(const struct profile *p, const char *feature)
{
    for (size_t i = 0; p && i < p->n_features; i++)
        if (str_eq(p->features[i], feature))
            return true;
    return false;
}

/* The glob fits the path as it is, or what follows one of its slashes. */
static bool fits(const char *glob, const char *path)
{
    _cleanup_free_ char *stem = xstrndup(path, strlen(path) - (str_ends(path, ".scn") ? 4 : 0));

    for (const char *s = stem; s; s = strchr(s, '/') ? strchr(s, '/') + 1 : NULL)
        if (str_glob(glob, s))
            return true;
    return false;
}

const struct profile_known *profile_known_for(const struct profile *p, const char *path,
                                              const char *version)
{
    for (size_t i = 0; p && i < p->known.n; i++) {
        const struct profile_known *k = &p->known.v[i];

        if (fits(k->what, path) && (!k->guard || match_version(k->guard, version, NULL) > 0))
            return k;
    }
    return NULL;
}

/* --- the command ---------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The program in one of the folders of a list with colons; to be freed. NULL: in none. */
static char *find_in(const char *folders, const char *program)
{
    while (folders && *folders) {
        size_t n = strcspn(folders, ":");
        _cleanup_free_ char *path = xasprintf("%.*s/%s", (int)n, folders, program);

        if (n && is_program(path))
            return realpath(path, NULL);
        folders += n + (folders[n] == ':');
    }
    return NULL;
}

/* Where ecsim itself lies, and the folder of its helpers. */
static char *own_folders(void)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (n <= 0)
        return xstrdup("");
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    return xasprintf("%s:%s/../libexec/ecsim", self, self);
}

static char *find_program(const char *folder, const char *program)
{
    _cleanup_free_ char *own = NULL, *path = NULL;
    char *found;

    if (strchr(program, '/')) {
        path = *program == '/' || !folder ? xstrdup(program) : xasprintf("%s/%s", folder, program);
        return is_program(path) ? realpath(path, NULL) : NULL;
    }
    own = own_folders();
    found = find_in(own, program);
    return found ? found : find_in(getenv("PATH"), program);
}

/* `$NAME` at the beginning becomes what the environment says; NULL: nothing. */
static char *expand(const char *command)
{
    size_t n = strcspn(command, " \t");
    _cleanup_free_ char *name = NULL;
    const char *value;

    if (*command != '$')
        return xstrdup(command);
    name = xstrndup(command + 1, n - 1);
    value = getenv(name);
    return value && *value ? xasprintf("%s%s", value, command + n) : NULL;
}

char **profile_command(const struct profile *p, struct err *e)
{
    _cleanup_buf_ struct buf tried = BUF_INIT(4096);

    for (size_t i = 0; i < p->n_commands; i++) {
        _cleanup_free_ char *text = expand(p->commands[i]);
        char **argv = text ? str_argv(text) : NULL, *program;

        program = argv && argv[0] ? find_program(p->folder, argv[0]) : NULL;
        if (program) {
            free(argv[0]);
            argv[0] = program;
            return argv;
        }
        buf_addf(&tried, "%s%s%s%s", i ? ", " : "", p->commands[i], text ? "" : " (not set)",
                 text && *p->commands[i] == '$' ? " (no such program)" : "");
        str_argv_free(argv);
    }
    err_set(e, ERR_NOT_FOUND, "agent %s: no such program: %s", p->name, buf_str(&tried));
    return NULL;
}
