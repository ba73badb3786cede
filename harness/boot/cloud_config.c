/* A cloud-config document, for user_data.h: bootcmd, runcmd and write_files of it. */
#include "harness/boot/user_data.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

struct doc {
    yaml_document_t *d;
    const char *from;
    int line; /* of the first line of the document */
    struct err *e;
};

static int line_of(const struct doc *d, const yaml_node_t *n)
{
    return d->line + (int)n->start_mark.line;
}

static const char *text_of(const yaml_node_t *n)
{
    return n && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL;
}

static const yaml_node_t *member(const struct doc *d, const yaml_node_t *n, const char *name)
{
    if (!n || n->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
         p++)
        if (str_eq(text_of(yaml_document_get_node(d->d, p->key)), name))
            return yaml_document_get_node(d->d, p->value);
    return NULL;
}

static int bad(const struct doc *d, const yaml_node_t *n, const char *what)
{
    return err_set(d->e, ERR_PARSE, "%s:%d:%d: %s", d->from, line_of(d, n),
                   (int)n->start_mark.column + 1, what);
}

/* A list of words: the command itself, without a shell. */
static int words_of(const struct doc *d, const yaml_node_t *n, struct script *s)
{
    size_t len = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start), k = 0;
    char **words = new0_array(char *, len + 1);
    int r = 0;

    for (const yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top;
         i++) {
        const yaml_node_t *w = yaml_document_get_node(d->d, *i);
        const char *text = text_of(w);

        if (!text) {
            r = bad(d, w, "expected a word of a command, found a list or a mapping");
            break;
        }
        words[k++] = xstrdup(text);
    }
    if (r == 0)
        r = script_words(s, d->from, line_of(d, n), words, d->e);
    str_argv_free(words);
    return r;
}

/* The text of a block scalar (| or >) begins on the line below its mark. */
static int first_line(const struct doc *d, const yaml_node_t *n)
{
    yaml_scalar_style_t style = n->data.scalar.style;

    return line_of(d, n) +
           (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE ? 1 : 0);
}

static int commands(const struct doc *d, const yaml_node_t *list, struct script *s,
                    const char *name)
{
    int k = 0;

    if (!list)
        return 0;
    if (list->type != YAML_SEQUENCE_NODE)
        return text_of(list) && !*text_of(list)
                   ? 0
                   : err_set(d->e, ERR_PARSE,
                             "%s:%d:%d: %s is not a list of commands; each begins "
                             "with \"- \"",
                             d->from, line_of(d, list), (int)list->start_mark.column + 1, name);
    for (const yaml_node_item_t *i = list->data.sequence.items.start;
         k == 0 && i < list->data.sequence.items.top; i++) {
        const yaml_node_t *n = yaml_document_get_node(d->d, *i);
        const char *text = text_of(n);

        if (text)
            k = script_read(s, d->from, first_line(d, n), text, strlen(text), d->e);
        else if (n->type == YAML_SEQUENCE_NODE)
            k = words_of(d, n, s);
        else
            k = bad(d, n,
                    "expected a command: a text, or a list of words (quote a command with \": \" "
                    "in it)");
    }
    return k;
}

static int files(const struct doc *d, const yaml_node_t *list, struct script *s)
{
    int k = 0;

    if (!list || list->type != YAML_SEQUENCE_NODE)
        return 0;
    for (const yaml_node_item_t *i = list->data.sequence.items.start;
         k == 0 && i < list->data.sequence.items.top; i++) {
        const yaml_node_t *n = yaml_document_get_node(d->d, *i);
        const char *path = text_of(member(d, n, "path"));
        const char *content = text_of(member(d, n, "content"));
        const char *encoding = text_of(member(d, n, "encoding"));
        _cleanup_free_ char *where = xasprintf("%s:%d", d->from, line_of(d, n));
        _cleanup_buf_ struct buf plain = BUF_INIT(USER_DATA_MAX);

        if (!path)
            continue;
        if (content && encoding && (str_eq(encoding, "b64") || str_eq(encoding, "base64"))) {
            if (str_unbase64(&plain, content, strlen(content)) < 0)
                return bad(d, n, "its content is no base64");
            content = buf_str(&plain);
        } else if (encoding && *encoding && !str_eq(encoding, "text/plain")) {
            content = NULL; /* gzip: a unit in it is not seen */
        }
        k = script_file(s, where, path, content, d->e);
    }
    return k;
}

int cloud_config_read(struct user_data *u, const char *from, int line, const char *text, size_t n,
                      struct err *e)
{
    yaml_parser_t parser;
    yaml_document_t document;
    struct doc d = {&document, from, line, e};
    const yaml_node_t *root;
    int k = 0;

    if (!yaml_parser_initialize(&parser))
        return err_set(e, ERR_INTERNAL, "libyaml did not begin");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
    if (!yaml_parser_load(&parser, &document)) {
        k = err_set(e, ERR_PARSE, "%s:%d:%d: this is no YAML: %s; cloud-init ignores all of it",
                    from, line + (int)parser.problem_mark.line, (int)parser.problem_mark.column + 1,
                    parser.problem ? parser.problem : "");
        yaml_parser_delete(&parser);
        return k;
    }
    root = yaml_document_get_root_node(&document);
    if (root && root->type != YAML_MAPPING_NODE)
        k = bad(&d, root,
                "expected \"runcmd:\" and such; cloud-init ignores a document that is "
                "no mapping");
    if (k == 0)
        k = files(&d, member(&d, root, "write_files"), &u->init);
    if (k == 0)
        k = commands(&d, member(&d, root, "bootcmd"), &u->init, "bootcmd");
    if (k == 0)
        k = commands(&d, member(&d, root, "runcmd"), &u->runcmd, "runcmd");
    yaml_document_delete(&document);
    yaml_parser_delete(&parser);
    return k;
}
