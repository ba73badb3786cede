/*
 * lex.h - lines and words of a scenario, with their places.
 *
 * A step is one line; a line that ends in ' \' goes on, and so does one with
 * open JSON brackets. Words are separated by blanks:
 *
 *     word  "string"  {json} [json]  @file  key=value  key="string"  /regex/ (behind ~ and !~)
 *
 * Some verbs take the rest of their line as it is (lex_text); which ones is the
 * parser's knowledge, so it looks at the first word (lex_peek) and then asks.
 *
 * An error is reported where it is found; the lexer is then at the beginning of
 * the next step, so that a caller can go on.
 */
#ifndef HARNESS_LEX_H
#define HARNESS_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/diag.h"
#include "harness/scn.h"

struct lex {
    const struct source *src;
    struct diag *d;
    size_t at;      /* next byte */
    uint32_t line;  /* of `at`, from 1 */
    size_t bol;     /* where that line begins */
    bool in_value;  /* the last word was ~ or !~ */
    bool json_open; /* an error left JSON brackets open */
};

enum lex_line {
    LEX_END,
    LEX_BLANK,      /* consumed */
    LEX_COMMENT,    /* consumed; text is what follows the '#' */
    LEX_ATTACHMENT, /* the line `-- name --` and the bytes below it: consumed */
    LEX_STEP,       /* at the first word of a line */
};

struct lex_word {
    enum scn_value_kind kind;
    char *key;  /* of key=value, else NULL */
    char *text; /* decoded; of the value when there is a key */
    size_t len;
    struct pos pos;       /* of all of it */
    struct pos value_pos; /* of the part that text came from */
    const char *raw;      /* as written, borrowed from the source */
    size_t raw_len;
};

struct lex_words {
    struct lex_word *w;
    size_t n, cap;
    char *comment;  /* behind the last word, without '#', or NULL */
    struct pos end; /* just behind the last word */
};

void lex_init(struct lex *l, const struct source *src, struct diag *d);

/* What the next line is. For LEX_COMMENT *ret_text is the text (free); for LEX_ATTACHMENT
 * *ret_attachment is new (scn_attachment_free). -1: an error was reported, call again. */
int lex_line(struct lex *l, char **ret_text, struct scn_attachment **ret_attachment);

/* The first word of the line (at LEX_STEP), without consuming it; free. */
char *lex_peek(const struct lex *l, struct pos *ret_pos);

/* All words of the step. -1: an error was reported, and the step is skipped. */
int lex_step(struct lex *l, struct lex_words *ret);

/*
 * The first `words` words, then the rest of the line as one text (a SCN_STRING),
 * which may be written as a "string" where it could not stand otherwise.
 */
int lex_text(struct lex *l, size_t words, struct lex_words *ret);

void lex_words_release(struct lex_words *w);

/* True when the text, written bare, would be read as one word with this text. */
bool lex_is_word(const char *text);
/* The same, but it may look like key=value. */
bool lex_is_raw_word(const char *text);
/* True when @name would be read as the name of a file. */
bool lex_is_file(const char *name);
/* True when the rest-of-line text can stand without quotes. */
bool lex_is_plain_text(const char *text);
/* True when key= would be read as a key. */
bool lex_is_key(const char *key);

#endif
