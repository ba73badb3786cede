#include "harness/import.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/check.h"
#include "harness/fmt.h"
#include "harness/scn_json.h"
#include "harness/subst.h"

struct import {
    const char *const *dirs;
    struct diag *d;
    size_t files; /* read so far, in all */
};

/* name as seen from the folder of path, or from dir when that is given; free. */
static char *beside(const char *path, const char *dir, const char *name)
{
    const char *slash = strrchr(path, '/');

    if (*name == '/')
        return xstrdup(name);
    if (dir)
        return xasprintf("%s/%s", dir, name);
    return slash ? xasprintf("%.*s/%s", (int)(slash - path), path, name) : xstrdup(name);
}

static int read_steps(struct import *im, struct scn *s, struct scn_step *const *steps, size_t n);

/* -- @file -- */

static int read_beside(struct import *im, struct scn *s, const struct scn_value *v)
{
    _cleanup_free_ char *path = beside(s->source.path, NULL, v->text);
    struct buf data = BUF_INIT(SCN_FILE_MAX);
    struct scn_attachment *a;
    struct err e = ERR_INIT;

    if (io_read_file(path, &data, &e) < 0) {
        const char *names[SCN_ATTACHMENT_MAX];

        buf_release(&data);
        if (e.code != ERR_NOT_FOUND)
            return diag_error(im->d, &s->source, v->pos, "%s", e.text);
        for (size_t i = 0; i < s->n_attachments; i++)
            names[i] = s->attachments[i]->name;
        diag_error(im->d, &s->source, v->pos, "there is no attachment and no file \"%s\"", v->text);
        if (!diag_suggest(im->d, v->text, names, s->n_attachments))
            diag_note(im->d, "paste it below a line `-- %s --`, or put it beside the scenario",
                      v->text);
        return -1;
    }
    a = new0(struct scn_attachment);
    a->name = xstrdup(v->text);
    a->path = steal_ptr(&path);
    a->data = buf_steal(&data, &a->len);
    a->subst = subst_has(a->data, a->len);
    a->line = 1;
    grow_array(s->files, s->n_files, s->cap_files);
    s->files[s->n_files++] = a;
    return 0;
}

static int read_value(struct import *im, struct scn *s, struct scn_value *v)
{
    struct scn_attachment *a;

    if (v->kind != SCN_FILE || subst_has(v->text, v->len))
        return 0;
    a = (struct scn_attachment *)(uintptr_t)scn_attachment(s, v->text);
    if (!a) {
        if (read_beside(im, s, v) < 0)
            return -1;
        a = s->files[s->n_files - 1];
    }
    a->used = true;
    v->content = a;
    v->subst = a->subst;
    return 0;
}

static int read_values(struct import *im, struct scn *s, struct scn_step *st)
{
    int r = 0;

    for (size_t i = 0; i < st->n_args; i++)
        r |= read_value(im, s, &st->args[i]);
    for (size_t i = 0; i < st->n_options; i++)
        if (st->options[i].has_value)
            r |= read_value(im, s, &st->options[i].value);
    for (size_t i = 0; i < st->n_matches; i++)
        if (st->matches[i].has_value)
            r |= read_value(im, s, &st->matches[i].value);
    return r;
}

/* -- use -- */

/* The file that `use` means: beside this one, or in one of the folders. */
static char *find(struct import *im, const struct scn *s, const char *name, struct buf *data,
                  struct err *e)
{
    char *path = beside(s->source.path, NULL, name);

    if (!io_read_file(path, data, e))
        return path;
    for (size_t i = 0; im->dirs && im->dirs[i] && e->code == ERR_NOT_FOUND; i++) {
        free(path);
        path = beside("", im->dirs[i], name);
        if (!io_read_file(path, data, e))
            return path;
    }
    free(path);
    return NULL;
}

static int no_cycle(struct import *im, const struct scn *s, const struct scn_value *v,
                    const char *path)
{
    size_t depth = 0;

    for (const struct scn *up = s; up; up = up->parent, depth++) {
        if (str_eq(up->source.path, path))
            return diag_error(im->d, &s->source, v->pos, "\"%s\" would import itself", path);
    }
    if (depth >= SCN_USE_MAX)
        return diag_error(im->d, &s->source, v->pos, "files import each other %d deep at most",
                          SCN_USE_MAX);
    return 0;
}

static int read_use(struct import *im, struct scn *s, struct scn_step *st)
{
    _cleanup_buf_ struct buf data = BUF_INIT(SCN_FILE_MAX);
    const struct scn_value *v = &st->args[0];
    _cleanup_free_ char *path = NULL;
    struct err e = ERR_INIT;

    if (v->subst)
        return diag_error(im->d, &s->source, v->pos, "the name of a file cannot hold ${...}");
    if (++im->files > SCN_FILES_MAX)
        return diag_error(im->d, &s->source, v->pos, "a scenario imports at most %d files",
                          SCN_FILES_MAX);
    path = find(im, s, v->text, &data, &e);
    if (!path) {
        diag_error(im->d, &s->source, v->pos, "cannot read \"%s\"", v->text);
        diag_note(im->d, "%s", e.text);
        if (e.code == ERR_NOT_FOUND)
            diag_note(im->d, "it is looked for beside this file, then in the folders of -I");
        return -1;
    }
    if (no_cycle(im, s, v, path) < 0)
        return -1;
    st->import = scn_parse(path, buf_str(&data), buf_len(&data), im->d);
    if (!st->import)
        return -1;
    st->import->parent = s;
    return read_steps(im, st->import, st->import->steps, st->import->n_steps);
}

static int read_steps(struct import *im, struct scn *s, struct scn_step *const *steps, size_t n)
{
    int r = 0;

    for (size_t i = 0; i < n; i++) {
        r |= read_values(im, s, steps[i]);
        if (steps[i]->id == VERB_USE)
            r |= read_use(im, s, steps[i]);
        r |= read_steps(im, s, steps[i]->steps, steps[i]->n_steps);
    }
    return r;
}

static int read_headers(struct import *im, struct scn *s)
{
    int r = 0;

    for (size_t i = 0; i < s->n_headers; i++)
        for (size_t k = 0; k < s->headers[i]->n_args; k++)
            r |= read_value(im, s, &s->headers[i]->args[k]);
    return r;
}

int import_all(struct scn *s, const char *const *dirs, struct diag *d)
{
    struct import im = {.dirs = dirs, .d = d};

    return read_headers(&im, s) | read_steps(&im, s, s->steps, s->n_steps);
}

/* -- loading -- */

/* Needs, answers and TLS of the imported files hold for the whole scenario, each once. */
static void merge(struct scn *root, const struct scn *from)
{
    for (size_t i = 0; i < from->n_needs; i++) {
        size_t k = 0;

        while (k < root->n_needs && !str_eq(root->needs[k], from->needs[i]))
            k++;
        if (k < root->n_needs)
            continue;
        grow_array(root->needs, root->n_needs, root->cap_needs);
        root->needs[root->n_needs++] = from->needs[i];
    }
    for (size_t i = 0; i < from->n_answers; i++) {
        size_t k = 0;

        while (k < root->n_answers && (root->answers[k].peer != from->answers[i].peer ||
                                       !str_eq(root->answers[k].group, from->answers[i].group)))
            k++;
        if (k < root->n_answers)
            continue;
        grow_array(root->answers, root->n_answers, root->cap_answers);
        root->answers[root->n_answers++] = from->answers[i];
    }
    for (int p = 0; p < PEER_MAX; p++)
        root->tls[p] |= from->tls[p];
}

static void merge_steps(struct scn *root, struct scn_step *const *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct scn *import = steps[i]->import;

        if (import) {
            merge(root, import);
            merge_steps(root, import->steps, import->n_steps);
        }
        merge_steps(root, steps[i]->steps, steps[i]->n_steps);
    }
}

struct scn *scn_load_text(const char *path, const char *text, size_t len, const char *const *dirs,
                          struct diag *d)
{
    size_t errors = d->errors;
    struct scn *s = scn_parse(path, text, len, d);

    if (!s)
        return NULL;
    import_all(s, dirs, d);
    if (d->errors == errors)
        check_scn(s, d);
    if (d->errors > errors) {
        scn_free(s);
        return NULL;
    }
    merge_steps(s, s->steps, s->n_steps);
    return s;
}

static struct scn *load_json(const char *path, const struct buf *data, const char *const *dirs,
                             struct diag *d)
{
    struct source src = {.path = (char *)(uintptr_t)path};
    _cleanup_buf_ struct buf text = BUF_INIT(4u * SCN_FILE_MAX);
    _cleanup_scn_ struct scn *tree = NULL;
    _cleanup_json_ json_t *v = NULL;
    struct err e = ERR_INIT;

    v = json_read(buf_str(data), buf_len(data), JSON_READ_STRICT, &e);
    if (v)
        tree = scn_from_json(path, v, &e);
    if (tree && fmt_scn(tree, &text) < 0)
        err_set(&e, ERR_LIMIT, "larger than %u bytes as lines", SCN_FILE_MAX);
    if (e.code != ERR_NONE) {
        diag_error(d, &src, (struct pos){0}, "%s", e.text);
        return NULL;
    }
    return scn_load_text(path, buf_str(&text), buf_len(&text), dirs, d);
}

struct scn *scn_load(const char *path, const char *const *dirs, struct diag *d)
{
    struct source src = {.path = (char *)(uintptr_t)path};
    _cleanup_buf_ struct buf data = BUF_INIT(SCN_FILE_MAX);
    struct err e = ERR_INIT;

    if (io_read_file(path, &data, &e) < 0) {
        diag_error(d, &src, (struct pos){0}, "%s", e.text);
        return NULL;
    }
    if (str_ends(path, ".json"))
        return load_json(path, &data, dirs, d);
    return scn_load_text(path, buf_str(&data), buf_len(&data), dirs, d);
}
