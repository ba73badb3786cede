/* The set itself: names, enabling, reading anew. What is read from files is in units_load.c. */
#include "harness/boot/units.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/boot/units_load.h"

static const char *const dep_names[DEP_MAX] = {
    [DEP_WANTS] = "Wants",         [DEP_REQUIRES] = "Requires", [DEP_REQUISITE] = "Requisite",
    [DEP_BINDS_TO] = "BindsTo",    [DEP_UPHOLDS] = "Upholds",   [DEP_PART_OF] = "PartOf",
    [DEP_CONFLICTS] = "Conflicts", [DEP_AFTER] = "After",       [DEP_BEFORE] = "Before",
};

const char *dep_name(enum dep d)
{
    return dep_names[d];
}

void units_init(struct units *us, const char *root, const char *host)
{
    *us = (struct units){.root = xstrdup(root), .host = host};
    map_init(&us->by_name);
}

static void forget_edges(struct units *us)
{
    for (size_t i = 0; i < us->n_edges; i++) {
        free(us->edges[i]->why);
        free(us->edges[i]);
    }
    us->n_edges = 0;
    for (size_t i = 0; i < us->n; i++)
        us->all[i]->n_in = us->all[i]->n_out = 0;
}

static void forget_files(struct unit *u)
{
    for (size_t i = 0; i < u->n_files; i++)
        unit_file_release(&u->files[i]);
    u->n_files = 0;
}

void units_release(struct units *us)
{
    forget_edges(us);
    for (size_t i = 0; i < us->n; i++) {
        struct unit *u = us->all[i];

        forget_files(u);
        free(u->files);
        free(u->in);
        free(u->out);
        free(u->name);
        free(u);
    }
    for (size_t i = 0; i < us->n_given; i++) {
        free(us->given[i].name);
        free(us->given[i].from);
        free(us->given[i].text);
    }
    for (size_t i = 0; i < us->n_links; i++) {
        free(us->links[i].target);
        free(us->links[i].unit);
    }
    for (size_t i = 0; i < us->n_notes; i++)
        free(us->notes[i]);
    free(us->all);
    free(us->edges);
    free(us->given);
    free(us->links);
    free(us->notes);
    free(us->root);
    map_release(&us->by_name);
    *us = (struct units){0};
}

char *units_full_name(const char *name)
{
    static const char *const suffixes[] = {".service", ".target", ".socket", ".timer",
                                           ".path",    ".mount",  ".slice",  ".automount",
                                           ".swap",    ".scope",  ".device"};

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
        if (str_ends(name, suffixes[i]))
            return xstrdup(name);
    return xasprintf("%s.service", name);
}

int units_add_text(struct units *us, const char *name, const char *from, const char *text, size_t n,
                   struct err *e)
{
    struct unit_file probe;
    int k = unit_file_parse(&probe, from, text, n, e);

    unit_file_release(&probe);
    if (k < 0)
        return -1;
    grow_array(us->given, us->n_given, us->given_room);
    us->given[us->n_given++] = (struct given){xstrdup(name), xstrdup(from), xstrndup(text, n), n};
    return 0;
}

int units_add_file(struct units *us, const char *path, struct err *e)
{
    _cleanup_buf_ struct buf text = BUF_INIT(UNIT_FILE_MAX);
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    _cleanup_free_ char *name = xstrdup(base), *full = units_full_name(base);
    const char *d = strstr(path, ".d/");

    if (io_read_file(path, &text, e) < 0)
        return -1;
    if (str_ends(base, ".conf") && d) {
        const char *begin = d;

        while (begin > path && begin[-1] != '/')
            begin--;
        free(name);
        name = xstrdup(begin);
    } else if (!str_eq(full, base)) {
        return err_set(
            e, ERR_USAGE,
            "%s: a unit file is called NAME.service (or .target, .socket ...), a drop-in "
            "NAME.service.d/X.conf",
            path);
    }
    return units_add_text(us, name, path, buf_str(&text), buf_len(&text), e);
}

struct unit *units_get(struct units *us, const char *name)
{
    struct unit *u = units_stub(us, name);

    units_load_all(us);
    return u;
}

static bool have_link(const struct units *us, const char *target, const char *unit)
{
    for (size_t i = 0; i < us->n_links; i++)
        if (str_eq(us->links[i].target, target) && str_eq(us->links[i].unit, unit))
            return true;
    return false;
}

void units_want(struct units *us, const char *target, const char *unit)
{
    if (have_link(us, target, unit))
        return;
    grow_array(us->links, us->n_links, us->link_room);
    us->links[us->n_links++] = (struct link){xstrdup(target), xstrdup(unit), DEP_WANTS};
}

static void add_links(struct units *us, struct unit *u, const char *value, enum dep dep)
{
    char **words = str_argv(value);

    for (size_t i = 0; words && words[i]; i++) {
        _cleanup_free_ char *target = units_full_name(words[i]);

        if (strchr(target, '%') || have_link(us, target, u->name))
            continue;
        grow_array(us->links, us->n_links, us->link_room);
        us->links[us->n_links++] = (struct link){xstrdup(target), xstrdup(u->name), dep};
    }
    str_argv_free(words);
}

/* Also= may lead in a circle. */
#define ALSO_DEPTH 8

static bool enable_lines(struct units *us, struct unit *u, int depth);

static void enable_also(struct units *us, const char *value, int depth)
{
    char **words = depth < ALSO_DEPTH ? str_argv(value) : NULL;

    for (size_t i = 0; words && words[i]; i++) {
        _cleanup_free_ char *name = units_full_name(words[i]);
        struct unit *also = units_get(us, name);

        if (also)
            enable_lines(us, also, depth + 1);
    }
    str_argv_free(words);
}

static bool enable_lines(struct units *us, struct unit *u, int depth)
{
    bool any = false;

    for (size_t f = 0; f < u->n_files; f++)
        for (size_t i = 0; i < u->files[f].n; i++) {
            const struct unit_line *l = &u->files[f].lines[i];

            if (!l->key || !str_eq(l->section, "Install"))
                continue;
            any = true;
            if (str_eq(l->key, "WantedBy"))
                add_links(us, u, l->value, DEP_WANTS);
            if (str_eq(l->key, "RequiredBy"))
                add_links(us, u, l->value, DEP_REQUIRES);
            if (str_eq(l->key, "Also"))
                enable_also(us, l->value, depth);
        }
    return any;
}

int units_enable(struct units *us, struct unit *u)
{
    bool any = enable_lines(us, u, 0);

    units_reload(us);
    return any ? 0 : -1;
}

void units_disable(struct units *us, struct unit *u)
{
    size_t kept = 0;

    for (size_t i = 0; i < us->n_links; i++) {
        if (str_eq(us->links[i].unit, u->name)) {
            free(us->links[i].target);
            free(us->links[i].unit);
        } else {
            us->links[kept++] = us->links[i];
        }
    }
    us->n_links = kept;
    units_reload(us);
}

void units_reload(struct units *us)
{
    forget_edges(us);
    for (size_t i = 0; i < us->n; i++) {
        forget_files(us->all[i]);
        us->all[i]->loaded = us->all[i]->found = us->all[i]->masked = false;
    }
    units_load_all(us);
}

const char *unit_setting(const struct unit *u, const char *section, const char *key)
{
    const char *found = NULL, *v;

    for (size_t i = 0; i < u->n_files; i++)
        if ((v = unit_file_get(&u->files[i], section, key)))
            found = v;
    return found;
}

char *unit_where(const struct unit *u, const char *section, const char *key)
{
    for (size_t f = u->n_files; f > 0; f--)
        for (size_t i = u->files[f - 1].n; i > 0; i--) {
            const struct unit_line *l = &u->files[f - 1].lines[i - 1];

            if (l->key && str_eq(l->section, section) && str_eq(l->key, key))
                return xasprintf("%s:%d", u->files[f - 1].from, l->line);
        }
    return NULL;
}

bool unit_is(const struct unit *u, const char *suffix)
{
    return str_ends(u->name, suffix);
}
