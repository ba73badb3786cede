/* The digested part of a scenario: scn_digest() of harness/scn.h. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/agent_feature.h"
#include "harness/match.h"
#include "harness/pace.h"
#include "harness/scn.h"
#include "harness/subst.h"

struct digest {
    struct scn *s;
    struct diag *d;
    const struct scn_header *first[HEADER_MAX];
};

static int error_at(struct digest *g, struct pos pos, const char *what)
{
    return diag_error(g->d, &g->s->source, pos, "%s", what);
}

static int once(struct digest *g, const struct scn_header *h)
{
    const struct scn_header **first = &g->first[h->word->id];

    if (*first && !h->word->many) {
        diag_error(g->d, &g->s->source, h->pos, "\"%s\" is there twice", h->word->word);
        diag_see(g->d, &g->s->source, (*first)->pos, "first here");
        return -1;
    }
    *first = h;
    return 0;
}

static int versions(struct digest *g, const struct scn_value *v)
{
    struct err e = ERR_INIT;
    struct pos pos = v->pos;
    const char *near;
    size_t at = 0;

    if (!match_version_check(v->text, &at, &e))
        return 0;
    pos.col += (uint32_t)at;
    pos.len = at < pos.len ? pos.len - (uint32_t)at : 1;
    near = agent_feature_nearest(v->text + at, strcspn(v->text + at, ","));
    error_at(g, pos, "expected a version here, or a feature of the agent");
    if (near)
        diag_note(g->d, "did you mean \"%s\"? `ecsim features` lists all", near);
    diag_note(g->d, "guards are >=1.44, <1.80, 1.20..1.62 or 1.44; several stand with commas");
    return -1;
}

static int second(struct digest *g, const struct scn_value *v)
{
    return str_eq(v->text, "newer") || str_eq(v->text, "older") ? 0 : versions(g, v);
}

/* What features agents have says nothing of an engine. */
static int docker(struct digest *g, const struct scn_value *v)
{
    if (v->text[strcspn(v->text, "abcdefghijklmnopqrstuvwxyz!")])
        return error_at(g, v->pos, "expected versions of Docker, such as >=20.10 or 29.0.0");
    return versions(g, v);
}

static int known(struct digest *g, const struct scn_header *h)
{
    struct scn *s = g->s;
    struct scn_known k = {.issue = h->args[0].text};

    for (size_t i = 1; i < h->n_args; i++) {
        if (h->args[i].kind == SCN_STRING) {
            k.reason = h->args[i].text;
            continue;
        }
        if (versions(g, &h->args[i]) < 0)
            return -1;
        k.guard = h->args[i].text;
    }
    grow_array(s->known, s->n_known, s->cap_known);
    s->known[s->n_known++] = k;
    return 0;
}

static int limit(struct digest *g, const struct scn_value *v)
{
    struct err e = ERR_INIT;

    if (!value_duration(v, NULL, &g->s->limit, &e) && g->s->limit > 0)
        return 0;
    error_at(g, v->pos, "expected a duration");
    diag_note(g->d, "such as 30s or 2m");
    return -1;
}

static int pace(struct digest *g, const struct scn_value *v)
{
    struct pace p;

    if (pace_parse(v->text, &p) == 0) {
        g->s->time = v->text;
        return 0;
    }
    error_at(g, v->pos, "expected a pace of time");
    diag_note(g->d, "it is %s", arg_kind_expects(ARG_PACE));
    return -1;
}

static int answers(struct digest *g, const struct scn_header *h)
{
    struct scn *s = g->s;
    int peer = peer_from(h->args[0].text);

    if (!(PEERS_FAKE & PEER_BIT(peer)))
        return error_at(g, h->args[0].pos, "the agent is not a fake: it answers by itself");
    for (size_t i = 1; i < h->n_args; i++) {
        for (size_t k = 0; k < s->n_answers; k++)
            if (s->answers[k].peer == (enum peer)peer &&
                str_eq(s->answers[k].group, h->args[i].text)) {
                diag_error(g->d, &s->source, h->args[i].pos, "group \"%s\" is there twice",
                           h->args[i].text);
                diag_see(g->d, &s->source, s->answers[k].header->pos, "first here");
                return -1;
            }
        grow_array(s->answers, s->n_answers, s->cap_answers);
        s->answers[s->n_answers++] = (struct scn_answer){(enum peer)peer, h->args[i].text, h};
    }
    return 0;
}

static int strict(struct digest *g, const struct scn_header *h)
{
    static const char *const levels[] = {"all", "known", "off"};
    const struct scn_value *v = &h->args[h->n_args - 1];
    int peer = h->n_args == 2 ? peer_from(h->args[0].text) : -1;

    for (int i = 0; i < 3; i++) {
        if (!str_eq(v->text, levels[i]))
            continue;
        for (int p = 0; p < PEER_MAX; p++)
            if (peer < 0 || p == peer)
                g->s->strict[p] = (enum scn_strict)i;
        return 0;
    }
    diag_error(g->d, &g->s->source, v->pos, "unknown level \"%s\"", v->text);
    if (!diag_suggest(g->d, v->text, levels, 3))
        diag_note(g->d, "there are: all, known, off");
    return -1;
}

static int tls(struct digest *g, const struct scn_header *h)
{
    for (size_t i = 0; i < h->n_args; i++) {
        int peer = peer_from(h->args[i].text);

        if (peer < 0 || !(PEERS_TLS & PEER_BIT(peer))) {
            error_at(g, h->args[i].pos, "this peer does not speak TLS");
            return diag_note(g->d, "those that can: ecs, acs, tcs, s3"), -1;
        }
        g->s->tls[peer] = true;
    }
    return 0;
}

static int param(struct digest *g, const struct scn_header *h)
{
    struct scn *s = g->s;

    for (size_t i = 0; i < s->n_params; i++)
        if (str_eq(s->params[i].name, h->args[0].text)) {
            diag_error(g->d, &s->source, h->args[0].pos, "parameter \"%s\" is there twice",
                       h->args[0].text);
            diag_see(g->d, &s->source, s->params[i].header->pos, "first here");
            return -1;
        }
    grow_array(s->params, s->n_params, s->cap_params);
    s->params[s->n_params++] = (struct scn_param){
        .name = h->args[0].text,
        .dflt = h->n_args > 1 ? &h->args[1] : NULL,
        .header = h,
    };
    return 0;
}

#define add_words(list, n, cap, h)                                                                 \
    do {                                                                                           \
        for (size_t i_ = 0; i_ < (h)->n_args; i_++) {                                              \
            grow_array(list, n, cap);                                                              \
            (list)[(n)++] = (h)->args[i_].text;                                                    \
        }                                                                                          \
    } while (0)

static int one(struct digest *g, const struct scn_header *h)
{
    struct scn *s = g->s;

    if (once(g, h) < 0)
        return -1;
    switch (h->word->id) {
    case HEADER_TITLE:
        s->title = h->text;
        return 0;
    case HEADER_TAGS:
        add_words(s->tags, s->n_tags, s->cap_tags, h);
        return 0;
    case HEADER_NEEDS:
        add_words(s->needs, s->n_needs, s->cap_needs, h);
        return 0;
    case HEADER_AGENT:
        add_words(s->agent, s->n_agent, s->cap_agent, h);
        return versions(g, &h->args[0]);
    case HEADER_SECOND_AGENT:
        add_words(s->second, s->n_second, s->cap_second, h);
        return second(g, &h->args[0]);
    case HEADER_DOCKER_VERSION:
        s->docker = h->args[0].text;
        return docker(g, &h->args[0]);
    case HEADER_KNOWN:
        return known(g, h);
    case HEADER_LIMIT:
        return limit(g, &h->args[0]);
    case HEADER_TIME:
        return pace(g, &h->args[0]);
    case HEADER_ANSWER:
        return answers(g, h);
    case HEADER_STRICT:
        return strict(g, h);
    case HEADER_TLS:
        return tls(g, h);
    case HEADER_PARAM:
        return param(g, h);
    case HEADER_SCENARIO:
    case HEADER_MAX:
        return 0;
    }
    return 0;
}

int scn_digest(struct scn *s, struct diag *d)
{
    struct digest g = {.s = s, .d = d};
    int r = 0;

    for (size_t i = 0; i < s->n_headers; i++)
        if (one(&g, s->headers[i]) < 0)
            r = -1;
    return r;
}
