#include "harness/boot/shell.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define WORD_MAX  (1 << 20)
#define HERES_MAX 16

/* A here-document that was announced on this line. */
struct here {
    size_t command;
    char *end;
    bool strip; /* <<- */
};

struct reader {
    struct shell *sh;
    const char *from, *s, *end;
    int line;
    struct buf word;
    bool in_word; /* a word has begun, even an empty one: "" */
    bool quoted;  /* some of it was quoted: no keyword */
    bool open;    /* the newest command is not over */
    int redirect; /* 1: the next word is a target, 2: of a here-document, 3: with <<- */
    bool to;      /* the redirection is > or >> of standard output */
    struct here heres[HERES_MAX];
    size_t n_heres;
    size_t groups[SHELL_NESTING_MAX]; /* number of the first command of each open ( or { */
    size_t depth;
    size_t closed; /* first command of the group that was closed just now */
    bool after_group;
    struct err *e;
};

static int bad(struct reader *r, int line, const char *what)
{
    return err_set(r->e, ERR_PARSE, "%s:%d: %s", r->from, line, what);
}

static struct shell_command *command(struct reader *r)
{
    struct shell *sh = r->sh;

    if (!r->open) {
        if (sh->n == SHELL_COMMANDS_MAX)
            return NULL;
        grow_array(sh->commands, sh->n, sh->room);
        sh->commands[sh->n++] = (struct shell_command){.line = r->line};
        sh->commands[sh->n - 1].words = new0_array(char *, 1);
        r->open = true;
    }
    return &sh->commands[sh->n - 1];
}

static bool is_keyword(const char *w)
{
    static const char *const words[] = {"if",   "then",  "else",  "elif", "fi",
                                        "for",  "while", "until", "do",   "done",
                                        "esac", "!",     "in",    "case", "function"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_eq(words[i], w))
            return true;
    return false;
}

static int open_group(struct reader *r)
{
    if (r->depth == SHELL_NESTING_MAX)
        return err_set(r->e, ERR_LIMIT, "%s:%d: groups within more than %d groups", r->from,
                       r->line, SHELL_NESTING_MAX);
    r->groups[r->depth++] = r->sh->n;
    return 0;
}

static void close_group(struct reader *r)
{
    r->open = false;
    if (r->depth) {
        r->closed = r->groups[--r->depth];
        r->after_group = true;
    }
}

static int redirected(struct reader *r, struct shell_command *c)
{
    if (r->redirect == 1) {
        if (r->to) {
            free(c->to);
            c->to = xstrdup(buf_str(&r->word));
        }
    } else if (r->n_heres == HERES_MAX) {
        return err_set(r->e, ERR_LIMIT, "%s:%d: more than %d here-documents on a line", r->from,
                       r->line, HERES_MAX);
    } else {
        r->heres[r->n_heres++] = (struct here){(size_t)(c - r->sh->commands),
                                               xstrdup(buf_str(&r->word)), r->redirect == 3};
    }
    r->redirect = 0;
    return 0;
}

/* The word that was read goes where it belongs. */
static int end_word(struct reader *r)
{
    struct shell_command *c;
    const char *w = buf_str(&r->word);
    int k = 0;

    if (!r->in_word)
        return 0;
    r->in_word = false;
    if (r->word.full)
        return err_set(r->e, ERR_LIMIT, "%s:%d: a word of more than 1 MiB", r->from, r->line);
    if (!r->redirect && !r->quoted && !(r->open && r->sh->commands[r->sh->n - 1].n)) {
        if (str_eq(w, "{")) {
            buf_clear(&r->word);
            return open_group(r);
        }
        if (str_eq(w, "}")) {
            buf_clear(&r->word);
            close_group(r);
            return 0;
        }
        if (is_keyword(w)) {
            buf_clear(&r->word);
            return 0;
        }
    }
    c = command(r);
    if (!c || c->n == SHELL_WORDS_MAX)
        return err_set(r->e, ERR_LIMIT, "%s:%d: more commands or words than a script has", r->from,
                       r->line);
    if (r->redirect) {
        k = redirected(r, c);
    } else {
        c->words = xrealloc(c->words, (c->n + 2) * sizeof(*c->words));
        c->words[c->n++] = xstrdup(w);
        c->words[c->n] = NULL;
    }
    r->quoted = false;
    buf_clear(&r->word);
    return k;
}

static void end_command(struct reader *r, bool background)
{
    if (background && r->after_group)
        for (size_t i = r->closed; i < r->sh->n; i++)
            r->sh->commands[i].background = true;
    else if (background && r->open)
        r->sh->commands[r->sh->n - 1].background = true;
    r->open = false;
    r->after_group = false;
    r->redirect = 0;
}

static const char *line_end(const struct reader *r)
{
    const char *nl = memchr(r->s, '\n', (size_t)(r->end - r->s));

    return nl ? nl : r->end;
}

/* Reads one here-document: the lines from r->s on. */
static int read_here(struct reader *r, const struct here *h)
{
    struct buf text = BUF_INIT(WORD_MAX);
    int began = r->line;
    bool found = false;

    while (!found && r->s < r->end) {
        const char *nl = line_end(r), *s = r->s;

        while (h->strip && s < nl && *s == '\t')
            s++;
        found = (size_t)(nl - s) == strlen(h->end) && memcmp(s, h->end, (size_t)(nl - s)) == 0;
        if (!found) {
            buf_add(&text, s, (size_t)(nl - s));
            buf_addc(&text, '\n');
        }
        r->line++;
        r->s = nl < r->end ? nl + 1 : r->end;
    }
    free(r->sh->commands[h->command].here);
    r->sh->commands[h->command].here = buf_steal(&text, NULL);
    if (found)
        return 0;
    return err_set(r->e, ERR_PARSE, "%s:%d: the here-document that begins here is not ended by %s",
                   r->from, began - 1, h->end);
}

static int newline(struct reader *r)
{
    int k = 0;

    end_command(r, false);
    r->line++;
    for (size_t i = 0; i < r->n_heres; i++) {
        if (k == 0)
            k = read_here(r, &r->heres[i]);
        free(r->heres[i].end);
    }
    r->n_heres = 0;
    return k;
}

static int quotes(struct reader *r)
{
    char q = *r->s++;
    int began = r->line;

    r->in_word = r->quoted = true;
    while (r->s < r->end && *r->s != q) {
        if (*r->s == '\n')
            r->line++;
        if (q == '"' && *r->s == '\\' && r->s + 1 < r->end && strchr("\"\\$`\n", r->s[1])) {
            r->s++;
            if (*r->s == '\n') {
                r->line++;
                r->s++;
                continue;
            }
        }
        buf_addc(&r->word, *r->s++);
    }
    if (r->s == r->end)
        return bad(r, began,
                   q == '"' ? "the double quote that opens here is not closed"
                            : "the single quote that opens here is not closed");
    r->s++;
    return 0;
}

/* > >> < << <<- >& &> and a descriptor in front. */
static int redirection(struct reader *r)
{
    char what = *r->s++;
    bool numbered = r->in_word && !r->quoted && buf_len(&r->word) == 1 &&
                    isdigit((unsigned char)*buf_str(&r->word));
    bool output = what == '>' && (!numbered || *buf_str(&r->word) == '1');
    int k = 0;

    if (numbered) {
        r->in_word = false;
        buf_clear(&r->word);
    } else {
        k = end_word(r);
    }
    r->redirect = 1;
    r->to = output;
    if (what == '<' && r->s < r->end && *r->s == '<') {
        r->s++;
        r->redirect = 2;
        if (r->s < r->end && *r->s == '<') { /* <<< word: no document */
            r->s++;
            r->redirect = 1;
            r->to = false;
        } else if (r->s < r->end && *r->s == '-') {
            r->s++;
            r->redirect = 3;
        }
    }
    while (r->s < r->end && (*r->s == '>' || *r->s == '&' || *r->s == '|')) {
        r->to = r->to && *r->s != '&';
        r->s++;
    }
    return k;
}

/* $( ... ) and ` ... `: what is in there stays part of the word. */
static void substitution(struct reader *r)
{
    int depth = 0;
    char open = *r->s;

    buf_addc(&r->word, *r->s++);
    while (r->s < r->end) {
        char c = *r->s++;

        buf_addc(&r->word, c);
        if (c == '\n')
            r->line++;
        if (open == '`' ? c == '`' : c == ')' && --depth == 0)
            return;
        if (open == '$' && c == '(')
            depth++;
    }
}

static int operator_(struct reader *r)
{
    char c = *r->s++;
    bool twice = r->s < r->end && *r->s == c;
    int k = end_word(r);

    if (k < 0)
        return -1;
    if (c == '&' && !twice && r->s < r->end && *r->s == '>') {
        command(r);
        return 0; /* &> */
    }
    if (twice)
        r->s++;
    if (c == '(') {
        if (r->open) /* f() { ... */
            r->sh->commands[r->sh->n - 1].n = 0;
        r->open = false;
        return open_group(r);
    }
    if (c == ')') {
        close_group(r);
        return 0;
    }
    end_command(r, c == '&' && !twice);
    return 0;
}

static int step(struct reader *r)
{
    char c = *r->s;

    if (c == '\\' && r->s + 1 < r->end) {
        if (r->s[1] == '\n') {
            r->line++;
        } else {
            r->in_word = r->quoted = true;
            buf_addc(&r->word, r->s[1]);
        }
        r->s += 2;
        return 0;
    }
    if (c == '\'' || c == '"')
        return quotes(r);
    if (c == '`' || (c == '$' && r->s + 1 < r->end && r->s[1] == '(')) {
        r->in_word = true;
        substitution(r);
        return 0;
    }
    if (c == '#' && !r->in_word) {
        r->s = line_end(r);
        return 0;
    }
    if (c == '\n') {
        if (end_word(r) < 0)
            return -1;
        r->s++;
        return newline(r);
    }
    if (isspace((unsigned char)c)) {
        r->s++;
        return end_word(r);
    }
    if (c == '>' || c == '<')
        return redirection(r);
    if (strchr(";&|()", c))
        return operator_(r);
    r->in_word = true;
    buf_addc(&r->word, c);
    r->s++;
    return 0;
}

int shell_parse(struct shell *sh, const char *from, int line, const char *text, size_t n,
                struct err *e)
{
    struct reader r = {.sh = sh,
                       .from = from,
                       .s = text,
                       .end = text + n,
                       .line = line,
                       .word = BUF_INIT(WORD_MAX),
                       .e = e};
    int k = memchr(text, '\0', n) ? bad(&r, line, "there is a NUL in it: this is no script") : 0;

    while (k == 0 && r.s < r.end)
        k = step(&r);
    if (k == 0)
        k = end_word(&r);
    for (size_t i = 0; i < r.n_heres; i++) {
        if (k == 0)
            k = err_set(e, ERR_PARSE,
                        "%s:%d: the here-document that begins here is not ended by %s", from,
                        r.line, r.heres[i].end);
        free(r.heres[i].end);
    }
    buf_release(&r.word);
    return k;
}

void shell_release(struct shell *sh)
{
    for (size_t i = 0; i < sh->n; i++) {
        struct shell_command *c = &sh->commands[i];

        /* a name that became a function has words, and counts none */
        str_argv_free(c->words);
        free(c->to);
        free(c->here);
    }
    free(sh->commands);
    *sh = (struct shell){0};
}
