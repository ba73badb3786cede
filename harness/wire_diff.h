/*
 * wire_diff.h - what two agents did differently in one scenario.
 *
 * Takes the traces (wire_trace.h) of some runs of each. What differs between two runs of one agent
 * is chance and is not told: a call has come, or gone, when it is in every run of one side and in
 * none of the other; a number of calls, or a time, has changed when the ranges of the two sides
 * do not meet; a member when no value of it is seen on both, and it was not another one each time.
 *
 * Life cycle: zeroed, wire_diff_add() for each run, wire_diff_find(), wire_diff_release().
 */
#ifndef HARNESS_WIRE_DIFF_H
#define HARNESS_WIRE_DIFF_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"

/* Runs of one side. */
#define WIRE_DIFF_RUNS_MAX 16
/* Times closer than this, or than a twentieth of them, are the same. */
#define WIRE_DIFF_TIME_NS 100000000

enum difference_kind {
    DIFFERENCE_CAME, /* a call, or a member of one */
    DIFFERENCE_WENT,
    DIFFERENCE_CHANGED,
    DIFFERENCE_COUNT,   /* of calls */
    DIFFERENCE_TIME,    /* at which a call first comes */
    DIFFERENCE_ORDER,   /* a call comes first before, or behind, another one */
    DIFFERENCE_OUTCOME, /* of the scenario */
    DIFFERENCE_KIND_MAX,
};

struct difference {
    enum difference_kind kind;
    char *call;           /* "ecs RegisterContainerInstance" */
    char *member;         /* its path; NULL: of the call itself */
    char *before, *after; /* texts; NULL: none */
};

struct wire_diff {
    struct map calls; /* name -> struct call of wire_diff.c */
    size_t runs[2];
    struct difference *all;
    size_t n, cap;
};

/* A run of side 0 (before) or 1 (after). -1: it is no trace, or there are too many. */
int wire_diff_add(struct wire_diff *d, int side, const char *trace, size_t n, struct err *e);
/* Fills d->all: calls in the order in which they first came. */
void wire_diff_find(struct wire_diff *d);
/* For what is known otherwise. Texts are copied; NULL is fine. */
void wire_diff_put(struct wire_diff *d, enum difference_kind kind, const char *call,
                   const char *member, const char *before, const char *after);
void wire_diff_release(struct wire_diff *d);

const char *difference_kind_name(enum difference_kind k);

#endif
