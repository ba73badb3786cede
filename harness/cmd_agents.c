#include "harness/cmd_agents.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "harness/agent_info.h"
#include "harness/exitcode.h"

static const char usage[] =
    "usage: ecsim agents [options] [NAME...]\n"
    "\n"
    "Lists the agents that `ecsim run --agent NAME` knows: the version that each reports,\n"
    "how it is started, where the name is from, and what is known of it.\n"
    "Names are read from ~/.config/ecsim/agents and ./ecsim.agents (docs/PROFILES.md).\n"
    "\n"
    "  --agents FILE    read further names from here\n"
    "  --check FILE     only say whether this file is right\n"
    "  --help           this text\n"
    "\n"
    "Exit status: 0, 2 usage, 3 a file has errors, 5 an agent that was named is not there.\n";

struct request {
    const char *check, *agents;
};

/* -1: told. 1: help was printed. */
static int parse(struct request *q, int argc, char **argv)
{
    static const struct option longs[] = {{"agents", required_argument, NULL, 'A'},
                                          {"check", required_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (c == 'A') {
            q->agents = optarg;
        } else if (c == 'c') {
            q->check = optarg;
        } else if (c == 'h') {
            fputs(usage, stdout);
            return 1;
        } else {
            fprintf(stderr, "Try `ecsim agents --help`.\n");
            return -1;
        }
    }
    return 0;
}

static void show_words(const char *label, char *const *words, size_t n)
{
    if (!n)
        return;
    printf("    %-10s", label);
    for (size_t i = 0; i < n; i++)
        printf(" %s", words[i]);
    putchar('\n');
}

static void show_knowns(const char *word, const char *quote, const struct profile_knowns *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct profile_known *k = &l->v[i];

        printf("    %-10s %s%s%s %s%s%s%s%s\n", word, quote, k->what, quote, k->issue,
               k->guard ? " in " : "", k->guard ? k->guard : "", k->reason ? ": " : "",
               k->reason ? k->reason : "");
    }
}

static void show_details(const struct profile *p)
{
    if (p->title)
        printf("    %s\n", p->title);
    for (size_t i = 0; i < p->n_env; i++)
        printf("    %-10s %s%s%s\n", p->env[i].value ? "env" : "unset", p->env[i].name,
               p->env[i].value ? "=" : "", p->env[i].value ? p->env[i].value : "");
    printf("    %-10s %s\n", "ports", p->introspection ? p->introspection : "fixed");
    if (p->needs_sandbox)
        printf("    %-10s sandbox\n", "needs");
    show_words("has", p->features, p->n_features);
    show_knowns("known", "", &p->known);
    show_knowns("dies", "\"", &p->crashes);
    for (size_t i = 0; i < p->n_notes; i++)
        printf("    %-10s %s%s%s\n", "differs", p->notes[i].guard ? p->notes[i].guard : "",
               p->notes[i].guard ? ": " : "", p->notes[i].text);
}

static int show(const struct profiles *ps, const struct profile *p, struct sandbox *box)
{
    struct agent_info a;
    struct err e = ERR_INIT;
    int k = agent_info_get(&a, ps, p->name, box, &e);

    printf("%s  %s  (%s, version %s)\n", p->name,
           k < 0       ? "cannot be used"
           : a.version ? a.version
                       : "of unknown version",
           p->from, p->version ? "as the profile says" : "as it reports");
    if (k < 0) {
        printf("    %s\n", e.text);
    } else {
        size_t n = 0;

        while (a.argv[n])
            n++;
        show_words("command", a.argv, n);
    }
    show_details(p);
    agent_info_release(&a);
    return k;
}

static int show_named(const struct profiles *ps, char **names, struct sandbox *box)
{
    int code = EXITCODE_PASSED;

    for (; *names; names++) {
        const struct profile *p = profiles_find(ps, *names);
        _cleanup_buf_ struct buf near = BUF_INIT(256);

        if (!p) {
            profiles_suggest(ps, *names, &near);
            fprintf(stderr, "ecsim agents: there is no agent \"%s\"%s\n", *names, buf_str(&near));
            return EXITCODE_USAGE;
        }
        if (show(ps, p, box) < 0)
            code = EXITCODE_AGENT;
    }
    return code;
}

static int load(struct profiles *ps, const struct request *q)
{
    struct diag d;
    int k;

    diag_init(&d);
    if (q->check) {
        k = profiles_read(ps, q->check, &d);
    } else {
        k = profiles_read_usual(ps, &d);
        if (k == 0 && q->agents)
            k = profiles_read(ps, q->agents, &d);
    }
    fputs(diag_text(&d), stderr);
    diag_release(&d);
    return k;
}

int cmd_agents(int argc, char **argv)
{
    struct profiles ps;
    struct request q = {0};
    struct sandbox box;
    int k = parse(&q, argc, argv), code = EXITCODE_PASSED;

    if (k)
        return k < 0 ? EXITCODE_USAGE : EXITCODE_PASSED;
    profiles_init(&ps);
    if (load(&ps, &q) < 0) {
        code = EXITCODE_SCENARIO;
    } else if (q.check) {
        printf("%s: no errors\n", q.check);
    } else {
        struct sandbox *in = sandbox_probe(&box, NULL) == 0 ? &box : NULL;

        code = show_named(&ps, argv + optind, in);
        for (size_t i = 0; optind == argc && i < ps.n; i++)
            show(&ps, ps.all[i], in);
    }
    profiles_release(&ps);
    return code;
}
