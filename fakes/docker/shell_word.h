/*
 * shell_word.h - words of a Dockerfile as buildkit's shell lexer processes them: quotes and
 * backslashes are taken away, $NAME, ${NAME}, ${NAME:-word}, ${NAME:+word} and ${NAME:?word} are
 * replaced; engines from 23 on know the last three without the colon too. (The patterns of 24 and
 * later, ${NAME#pattern} and the like, are refused as older ones do.) Private to fakes/docker.
 */
#ifndef FAKES_DOCKER_SHELL_WORD_H
#define FAKES_DOCKER_SHELL_WORD_H

#include "base/json.h"
#include "fakes/docker/gojson.h"

/* What a word may become. */
#define SHELL_WORD_MAX (64u << 10)

/* env: array of "NAME=value", or NULL. modern: as engines from 23 on. To be freed; NULL and the
 * lexer's text in why. */
char *shell_word(const char *word, const json_t *env, bool modern, char why[GOJSON_TEXT_MAX]);

#endif
