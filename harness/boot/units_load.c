#include "harness/boot/units_load.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/boot/builtin.h"

/* Of systemd.unit(5), those that a machine has files in; the first wins. */
static const char *const folders[] = {"etc/systemd/system", "run/systemd/system",
                                      "usr/local/lib/systemd/system", "usr/lib/systemd/system"};

/* The name that NAME is another one for, as links of the root folder say; to be freed. */
static char *resolve(const struct units *us, const char *name)
{
    for (size_t i = 0; us->root && i < ARRAY_SIZE(folders); i++) {
        _cleanup_free_ char *path = xasprintf("%s/%s/%s", us->root, folders[i], name);
        char target[PATH_MAX];
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        const char *base;

        if (n > 0) {
            target[n] = '\0';
            base = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
            return str_eq(target, "/dev/null") || str_eq(base, name) ? xstrdup(name)
                                                                     : resolve(us, base);
        }
        if (access(path, F_OK) == 0)
            break;
    }
    if (!us->root && us->host && str_eq(name, "default.target"))
        return xstrdup("multi-user.target");
    return xstrdup(name);
}

struct unit *units_stub(struct units *us, const char *name)
{
    struct unit *u = map_get(&us->by_name, name);
    _cleanup_free_ char *real = NULL;

    if (u)
        return u;
    if (us->n == UNITS_MAX)
        return NULL;
    real = resolve(us, name);
    if (!str_eq(real, name) && (u = units_stub(us, real))) {
        map_set(&us->by_name, name, u);
        return u;
    }
    u = new0(struct unit);
    u->name = xstrdup(name);
    grow_array(us->all, us->n, us->room);
    us->all[us->n++] = u;
    map_set(&us->by_name, name, u);
    return u;
}

static void add_edge(struct units *us, struct unit *from, struct unit *to, enum dep dep, char *why)
{
    struct edge *g = new0(struct edge);

    *g = (struct edge){from, to, dep, why};
    grow_array(us->edges, us->n_edges, us->edge_room);
    us->edges[us->n_edges++] = g;
    grow_array(from->out, from->n_out, from->out_room);
    from->out[from->n_out++] = g;
    grow_array(to->in, to->n_in, to->in_room);
    to->in[to->n_in++] = g;
}

static void note(struct units *us, char *text)
{
    for (size_t i = 0; i < us->n_notes; i++)
        if (str_eq(us->notes[i], text)) {
            free(text);
            return;
        }
    grow_array(us->notes, us->n_notes, us->note_room);
    us->notes[us->n_notes++] = text;
}

static struct unit_file *add_file(struct unit *u, const char *from, const char *text, size_t n)
{
    struct unit_file f;

    if (unit_file_parse(&f, from, text, n, NULL) < 0) {
        unit_file_release(&f);
        return NULL;
    }
    grow_array(u->files, u->n_files, u->file_room);
    u->files[u->n_files] = f;
    return &u->files[u->n_files++];
}

/* The file at a path of the root folder. A link is followed within the root. */
static bool read_below(const struct units *us, const char *below, struct buf *text)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", us->root, below);
    char target[PATH_MAX];
    ssize_t n = readlink(path, target, sizeof(target) - 1);

    if (n > 0 && *target == '/') {
        target[n] = '\0';
        free(path);
        path = str_starts(target, "/lib/") ? xasprintf("%s/usr%s", us->root, target)
                                           : xasprintf("%s%s", us->root, target);
    }
    return io_read_file(path, text, NULL) == 0;
}

static bool is_masked(const struct units *us, const char *below)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", us->root, below);
    char target[16];
    struct stat st;
    ssize_t n = readlink(path, target, sizeof(target));

    return (n == 9 && memcmp(target, "/dev/null", 9) == 0) ||
           (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0);
}

static bool from_root(struct units *us, struct unit *u, const char *file)
{
    for (size_t i = 0; us->root && i < ARRAY_SIZE(folders); i++) {
        _cleanup_free_ char *below = xasprintf("%s/%s", folders[i], file);
        _cleanup_buf_ struct buf text = BUF_INIT(UNIT_FILE_MAX);

        if (is_masked(us, below)) {
            u->masked = true;
            return true;
        }
        if (read_below(us, below, &text))
            return add_file(u, file, buf_str(&text), buf_len(&text)) != NULL;
    }
    return false;
}

/* Given by hand: the newest of this name. */
static bool from_hand(struct units *us, struct unit *u)
{
    for (size_t i = us->n_given; i > 0; i--)
        if (str_eq(us->given[i - 1].name, u->name)) {
            u->given = true;
            return add_file(u, us->given[i - 1].from, us->given[i - 1].text,
                            us->given[i - 1].len) != NULL;
        }
    return false;
}

/* foo@bar.service is made from foo@.service. */
static char *template_of(const char *name)
{
    const char *at = strchr(name, '@'), *dot = strrchr(name, '.');

    return at && dot > at ? xasprintf("%.*s@%s", (int)(at - name), name, dot) : NULL;
}

static void find_text(struct units *us, struct unit *u)
{
    _cleanup_free_ char *template = template_of(u->name);
    const char *text = us->host ? builtin_unit(us->host, u->name) : NULL;

    u->builtin = false;
    if (from_hand(us, u) || from_root(us, u, u->name) || (template && from_root(us, u, template))) {
        u->found = !u->masked;
    } else if (text && !us->root) {
        u->found = u->builtin = true;
        add_file(u, u->name, text, strlen(text));
    }
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* Calls fn for each entry of FOLDER/NAME of the root folder, in order. */
static void each_entry(struct units *us, struct unit *u, const char *name,
                       void (*fn)(struct units *us, struct unit *u, const char *folder,
                                  const char *entry))
{
    for (size_t i = ARRAY_SIZE(folders); us->root && i > 0; i--) {
        _cleanup_free_ char *below = xasprintf("%s/%s", folders[i - 1], name);
        _cleanup_free_ char *path = xasprintf("%s/%s", us->root, below);
        struct dirent **found;
        int n = scandir(path, &found, visible, by_name);

        for (int k = 0; k < n; k++) {
            fn(us, u, below, found[k]->d_name);
            free(found[k]);
        }
        if (n >= 0)
            free(found);
    }
}

static void one_drop_in(struct units *us, struct unit *u, const char *folder, const char *entry)
{
    _cleanup_free_ char *below = xasprintf("%s/%s", folder, entry);
    _cleanup_buf_ struct buf text = BUF_INIT(UNIT_FILE_MAX);

    if (str_ends(entry, ".conf") && read_below(us, below, &text))
        add_file(u, entry, buf_str(&text), buf_len(&text));
}

static void find_drop_ins(struct units *us, struct unit *u)
{
    _cleanup_free_ char *folder = xasprintf("%s.d", u->name);
    size_t n = strlen(folder);

    each_entry(us, u, folder, one_drop_in);
    for (size_t i = 0; i < us->n_given; i++) {
        const struct given *g = &us->given[i];

        if (strncmp(g->name, folder, n) == 0 && g->name[n] == '/')
            add_file(u, g->from, g->text, g->len);
    }
}

static bool list_of_units(const char *key, enum dep *ret)
{
    for (size_t d = 0; d < DEP_MAX; d++)
        if (str_eq(dep_name((enum dep)d), key)) {
            *ret = (enum dep)d;
            return true;
        }
    return false;
}

/* Dependencies that somebody forgot a letter of do nothing, and systemd says so in a log only. */
static void check_key(struct units *us, const struct unit *u, const struct unit_file *f,
                      const struct unit_line *l)
{
    static const char *const unit_keys[] = {
        "After",  "Before",    "Wants",   "Requires",    "Requisite",     "BindsTo",
        "PartOf", "Conflicts", "Upholds", "Description", "Documentation", "DefaultDependencies"};
    static const char *const service_keys[] = {"Type",         "ExecStart",
                                               "ExecStartPre", "ExecStartPost",
                                               "Restart",      "RestartPreventExitStatus",
                                               "RestartSec",   "TimeoutStartSec"};
    bool unit = str_eq(l->section, "Unit");
    const char *near;

    if (!u->given || (!unit && !str_eq(l->section, "Service")))
        return;
    near = unit ? str_nearest(l->key, unit_keys, ARRAY_SIZE(unit_keys))
                : str_nearest(l->key, service_keys, ARRAY_SIZE(service_keys));
    /* one that is near and not the same, and no other key that systemd has */
    if (near && !str_eq(near, l->key) && !str_starts(l->key, "X-") &&
        str_distance(near, l->key) <= 2 && !str_eq(l->key, "ExecStop") &&
        !str_eq(l->key, "ExecStopPost"))
        note(us, xasprintf("%s:%d: systemd does not know %s=; did you mean %s=?", f->from, l->line,
                           l->key, near));
}

static void one_line(struct units *us, struct unit *u, const struct unit_file *f,
                     const struct unit_line *l)
{
    enum dep dep;
    char **words;

    if (!l->key) {
        if (u->given)
            note(us, xasprintf("%s:%d: systemd ignores this line: there is no \"=\" in it", f->from,
                               l->line));
        return;
    }
    check_key(us, u, f, l);
    if (!str_eq(l->section, "Unit") || !list_of_units(l->key, &dep))
        return;
    words = str_argv(l->value);
    for (size_t i = 0; words && words[i]; i++) {
        struct unit *to = strchr(words[i], '%') ? NULL : units_stub(us, words[i]);

        if (to && to != u)
            add_edge(us, u, to, dep,
                     xasprintf("%s=%s (%s:%d)", l->key, words[i], f->from, l->line));
    }
    str_argv_free(words);
}

static void one_wanted(struct units *us, struct unit *u, const char *folder, const char *entry)
{
    enum dep dep = str_ends(folder, ".requires")  ? DEP_REQUIRES
                   : str_ends(folder, ".upholds") ? DEP_UPHOLDS
                                                  : DEP_WANTS;
    struct unit *to = units_stub(us, entry);

    if (to && to != u)
        add_edge(us, u, to, dep, xasprintf("%s=%s (%s/)", dep_name(dep), entry, folder));
}

static void find_links(struct units *us, struct unit *u)
{
    static const char *const kinds[] = {"wants", "requires", "upholds"};

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        _cleanup_free_ char *folder = xasprintf("%s.%s", u->name, kinds[i]);

        each_entry(us, u, folder, one_wanted);
    }
    for (size_t i = 0; i < us->n_links; i++) {
        struct unit *to;

        if (str_eq(us->links[i].target, u->name) && (to = units_stub(us, us->links[i].unit)))
            add_edge(us, u, to, us->links[i].dep,
                     xasprintf("%s=%s (it is enabled)", dep_name(us->links[i].dep), to->name));
    }
}

static void implied(struct units *us, struct unit *u, enum dep dep, const char *name)
{
    struct unit *to = units_stub(us, name);

    if (to && to != u)
        add_edge(us, u, to, dep, xasprintf("%s=%s (by default)", dep_name(dep), name));
}

/* DefaultDependencies=yes, but for shutdown.target and targets' own (default_after()). */
static void find_defaults(struct units *us, struct unit *u)
{
    static const struct {
        const char *kind, *before;
    } with_targets[] = {
        {".socket", "sockets.target"}, {".timer", "timers.target"}, {".path", "paths.target"}};
    const char *value = unit_setting(u, "Unit", "DefaultDependencies");

    u->default_deps = !value || str_eq(value, "yes") || str_eq(value, "true") ||
                      str_eq(value, "1") || str_eq(value, "on");
    if (!u->found || !u->default_deps)
        return;
    if (unit_is(u, ".service")) {
        implied(us, u, DEP_REQUIRES, "sysinit.target");
        implied(us, u, DEP_AFTER, "sysinit.target");
        implied(us, u, DEP_AFTER, "basic.target");
    }
    for (size_t i = 0; i < ARRAY_SIZE(with_targets); i++)
        if (unit_is(u, with_targets[i].kind)) {
            implied(us, u, DEP_BEFORE, with_targets[i].before);
            implied(us, u, DEP_REQUIRES, "sysinit.target");
            implied(us, u, DEP_AFTER, "sysinit.target");
        }
}

/* What starts another when something happens goes before it. */
static void find_triggers(struct units *us, struct unit *u)
{
    const char *section = unit_is(u, ".socket")  ? "Socket"
                          : unit_is(u, ".timer") ? "Timer"
                          : unit_is(u, ".path")  ? "Path"
                                                 : NULL;
    const char *named =
        section ? unit_setting(u, section, *section == 'S' ? "Service" : "Unit") : NULL;
    _cleanup_free_ char *name = NULL;

    if (!section || !u->found)
        return;
    name = named ? xstrdup(named)
                 : xasprintf("%.*s.service", (int)(strrchr(u->name, '.') - u->name), u->name);
    implied(us, u, DEP_BEFORE, name);
}

static void load_one(struct units *us, struct unit *u)
{
    u->loaded = true;
    find_text(us, u);
    if (u->found)
        find_drop_ins(us, u);
    for (size_t f = 0; f < u->n_files; f++)
        for (size_t i = 0; i < u->files[f].n; i++)
            one_line(us, u, &u->files[f], &u->files[f].lines[i]);
    if (u->found)
        find_links(us, u);
    find_defaults(us, u);
    find_triggers(us, u);
}

static bool ordered(const struct unit *first, const struct unit *second)
{
    for (size_t i = 0; i < first->n_out; i++)
        if (first->out[i]->dep == DEP_BEFORE && first->out[i]->to == second)
            return true;
    for (size_t i = 0; i < first->n_in; i++)
        if (first->in[i]->dep == DEP_AFTER && first->in[i]->from == second)
            return true;
    return false;
}

/* A target comes after what it pulls in, unless either wants no defaults, or it is before it. */
static void default_after(struct units *us, struct unit *target)
{
    for (size_t i = 0; target->found && target->default_deps && i < target->n_out; i++) {
        const struct edge *g = target->out[i];

        if ((g->dep == DEP_WANTS || g->dep == DEP_REQUIRES || g->dep == DEP_BINDS_TO) &&
            g->to->found && g->to->default_deps && !ordered(target, g->to) &&
            !ordered(g->to, target))
            add_edge(
                us, target, g->to, DEP_AFTER,
                xasprintf("After=%s (%s is a target that wants it)", g->to->name, target->name));
    }
}

void units_load_all(struct units *us)
{
    size_t first = us->n;

    for (size_t i = 0; i < us->n; i++)
        if (!us->all[i]->loaded) {
            if (i < first)
                first = i;
            load_one(us, us->all[i]);
        }
    for (size_t i = first; i < us->n; i++)
        if (unit_is(us->all[i], ".target"))
            default_after(us, us->all[i]);
}
