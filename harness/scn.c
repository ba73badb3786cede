#include "harness/scn.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/subst.h"

struct scn *scn_new(const char *path, const char *text, size_t len)
{
    struct scn *s = new0(struct scn);

    s->version = 1;
    s->title = "";
    s->source.path = xstrdup(path);
    s->source.text = xmalloc(len + 1);
    if (len)
        memcpy(s->source.text, text, len);
    s->source.text[len] = '\0';
    s->source.len = len;
    return s;
}

void scn_value_release(struct scn_value *v)
{
    free(v->text);
    *v = (struct scn_value){0};
}

void scn_value_set(struct scn_value *v, const struct scn *s, enum scn_value_kind kind,
                   const char *text, size_t len)
{
    v->kind = kind;
    v->text = xmalloc(len + 1);
    if (len)
        memcpy(v->text, text, len);
    v->text[len] = '\0';
    v->len = len;
    v->subst = subst_has(v->text, len);
    v->file = s;
}

void scn_lines_release(struct scn_lines *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->lines[i]);
    free(l->lines);
    *l = (struct scn_lines){0};
}

void scn_lines_add(struct scn_lines *l, char *line, bool first)
{
    if (!*line && (l->n ? !*l->lines[l->n - 1] : first)) {
        free(line);
        return;
    }
    grow_array(l->lines, l->n, l->cap);
    l->lines[l->n++] = line;
}

void scn_lines_trim(struct scn_lines *l)
{
    while (l->n && !*l->lines[l->n - 1])
        free(l->lines[--l->n]);
}

static void suffix_free(struct scn_value *v)
{
    if (v)
        scn_value_release(v);
    free(v);
}

struct scn_step *scn_step_new(struct scn *s, const struct verb *v)
{
    struct scn_step *st = new0(struct scn_step);

    st->verb = v;
    st->id = v->id;
    st->file = s;
    st->peer = PEER_NONE;
    st->phase = "";
    return st;
}

void scn_step_free(struct scn_step *st)
{
    if (!st)
        return;
    for (size_t i = 0; i < st->n_args; i++)
        scn_value_release(&st->args[i]);
    for (size_t i = 0; i < st->n_options; i++) {
        free(st->options[i].name);
        scn_value_release(&st->options[i].value);
    }
    for (size_t i = 0; i < st->n_matches; i++) {
        jpath_free(st->matches[i].path);
        scn_value_release(&st->matches[i].value);
    }
    for (size_t i = 0; i < st->n_steps; i++)
        scn_step_free(st->steps[i]);
    suffix_free(st->within);
    suffix_free(st->for_);
    suffix_free(st->after);
    scn_free(st->import);
    scn_lines_release(&st->before);
    scn_lines_release(&st->tail);
    free(st->args);
    free(st->options);
    free(st->matches);
    free(st->steps);
    free(st->what);
    free(st->as);
    free(st->comment);
    free(st->end_comment);
    free(st);
}

void scn_header_free(struct scn_header *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->n_args; i++)
        scn_value_release(&h->args[i]);
    free(h->args);
    free(h->text);
    free(h->comment);
    scn_lines_release(&h->before);
    free(h);
}

void scn_attachment_free(struct scn_attachment *a)
{
    if (!a)
        return;
    free(a->name);
    free(a->data);
    free(a->path);
    free(a);
}

static void attachments_free(struct scn_attachment **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        scn_attachment_free(list[i]);
    free(list);
}

void scn_free(struct scn *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_headers; i++)
        scn_header_free(s->headers[i]);
    for (size_t i = 0; i < s->n_steps; i++)
        scn_step_free(s->steps[i]);
    attachments_free(s->attachments, s->n_attachments);
    attachments_free(s->files, s->n_files);
    scn_lines_release(&s->tail);
    free(s->headers);
    free(s->steps);
    free(s->tags);
    free(s->agent);
    free(s->second);
    free(s->needs);
    free(s->known);
    free(s->answers);
    free(s->params);
    free(s->source.path);
    free(s->source.text);
    free(s);
}

void scn_freep(struct scn **s)
{
    scn_free(*s);
    *s = NULL;
}

struct scn_value *scn_add_arg(struct scn_step *st)
{
    grow_array(st->args, st->n_args, st->cap_args);
    st->args[st->n_args] = (struct scn_value){0};
    return &st->args[st->n_args++];
}

struct scn_option *scn_add_option(struct scn_step *st)
{
    grow_array(st->options, st->n_options, st->cap_options);
    st->options[st->n_options] = (struct scn_option){0};
    return &st->options[st->n_options++];
}

struct scn_match *scn_add_match(struct scn_step *st)
{
    grow_array(st->matches, st->n_matches, st->cap_matches);
    st->matches[st->n_matches] = (struct scn_match){0};
    return &st->matches[st->n_matches++];
}

struct scn_value **scn_suffix(struct scn_step *st, const char *keyword)
{
    if (str_eq(keyword, "within"))
        return &st->within;
    if (str_eq(keyword, "for"))
        return &st->for_;
    return str_eq(keyword, "after") ? &st->after : NULL;
}

const struct scn_option *scn_option(const struct scn_step *st, const char *name)
{
    for (size_t i = 0; i < st->n_options; i++)
        if (str_eq(st->options[i].name, name))
            return &st->options[i];
    return NULL;
}

const struct scn_attachment *scn_attachment(const struct scn *s, const char *name)
{
    for (size_t i = 0; i < s->n_attachments; i++)
        if (str_eq(s->attachments[i]->name, name))
            return s->attachments[i];
    for (size_t i = 0; i < s->n_files; i++)
        if (str_eq(s->files[i]->name, name))
            return s->files[i];
    return NULL;
}

const char *scn_where(const struct scn_step *st, char *out, size_t n)
{
    snprintf(out, n, "%s:%u", st->file->source.path, st->pos.line);
    return out;
}

const char *scn_step_text(const struct scn_step *st, size_t *ret_len)
{
    const struct source *src = &st->file->source;
    const char *p = src->text, *end = src->text + src->len, *stop;

    for (uint32_t line = 1; line < st->pos.line && p < end; line++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));

        p = nl ? nl + 1 : end;
    }
    p += st->pos.col - 1 < (size_t)(end - p) ? st->pos.col - 1 : 0;
    stop = memchr(p, '\n', (size_t)(end - p));
    *ret_len = st->line.len && st->line.len <= (size_t)(end - p)
                   ? st->line.len
                   : (size_t)((stop ? stop : end) - p);
    return p;
}
