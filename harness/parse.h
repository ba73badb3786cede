/*
 * parse.h - words of a line into a header line or a step. Private to the parser.
 *
 * parse.c reads a file line by line and keeps the blocks; parse_step.c and
 * parse_header.c sort the words of one line by the verb's table. What words
 * mean together (names, files, durations) is harness/check.h's business.
 */
#ifndef HARNESS_PARSE_H
#define HARNESS_PARSE_H

#include "harness/lex.h"
#include "harness/scn.h"

/* What the parser's parts share. */
struct parse {
    struct scn *scn;
    struct diag *d;
    struct lex_words ws;
    size_t i; /* next word */
};

/* Sorts the words into st; the verb's own words are behind. -1: reported. */
int parse_step(struct parse *p, struct scn_step *st);

/* Sorts the words of a header line; the first word is behind. -1: reported. */
int parse_header(struct parse *p, struct scn_header *h);

/* The next word, or NULL. */
struct lex_word *parse_peek(struct parse *p);

/* True when the word can fill the (optional) argument; literals are compared. */
bool parse_fits(const struct verb_arg *a, enum scn_value_kind kind, const char *text);

/* Moves the word's text into v. keyed: a word key=value is taken as it was written. -1: it
 * cannot be. */
int parse_value(struct parse *p, struct lex_word *w, struct scn_value *v);

/* "expected NAME, a word or ..." at the next word, or behind the last one. */
int parse_missing(struct parse *p, const struct verb_arg *a);

/* Steals pos, so that errors later can point at it. */
static inline bool word_is(const struct lex_word *w, const char *text)
{
    return w && !w->key && w->kind == SCN_WORD && !__builtin_strcmp(w->text, text);
}

#endif
