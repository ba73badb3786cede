/* `ecsim features`: cmd_features() of harness/agent_feature.h. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fakes/docker/docker.h"
#include "harness/agent_feature.h"
#include "harness/agent_info.h"
#include "harness/exitcode.h"
#include "harness/match.h"

#define AGENTS_MAX 32

static const char usage[] =
    "usage: ecsim features [options]\n"
    "\n"
    "Lists what releases of the official agent have changed, as far as a wire shows it: the\n"
    "version, the name that guards of scenarios use, what is seen, and the scenario for it.\n"
    "\n"
    "  --agent A        say whether this agent should have it; may be given more than once\n"
    "  --agents FILE    read further names of agents from here\n"
    "  --docker         list the releases of Docker that --docker-version knows, with the\n"
    "                   window of their API\n"
    "  --help           this text\n"
    "\n"
    "Exit status: 0, 2 usage, 3 a file of agents has errors, 5 an agent could not be started.\n";

struct request {
    const char *names[AGENTS_MAX], *agents;
    struct agent_info info[AGENTS_MAX];
    size_t n;
    bool docker;
};

/* -1: told. 1: help was printed. */
static int parse(struct request *q, int argc, char **argv)
{
    static const struct option longs[] = {{"agent", required_argument, NULL, 'a'},
                                          {"agents", required_argument, NULL, 'A'},
                                          {"docker", no_argument, NULL, 'd'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (c == 'a' && q->n < AGENTS_MAX) {
            q->names[q->n++] = optarg;
        } else if (c == 'A') {
            q->agents = optarg;
        } else if (c == 'd') {
            q->docker = true;
        } else if (c == 'h') {
            fputs(usage, stdout);
            return 1;
        } else {
            fprintf(stderr, "Try `ecsim features --help`.\n");
            return -1;
        }
    }
    if (optind == argc)
        return 0;
    fprintf(stderr, "ecsim features: unexpected word \"%s\"\nTry `ecsim features --help`.\n",
            argv[optind]);
    return -1;
}

static int find_agents(struct request *q)
{
    struct profiles ps;
    struct sandbox box, *in = NULL;
    struct diag d;
    int code = EXITCODE_PASSED;

    profiles_init(&ps);
    diag_init(&d);
    if (profiles_read_usual(&ps, &d) < 0 || (q->agents && profiles_read(&ps, q->agents, &d) < 0))
        code = EXITCODE_SCENARIO;
    fputs(diag_text(&d), stderr);
    diag_release(&d);
    if (q->n && code == EXITCODE_PASSED && sandbox_probe(&box, NULL) == 0)
        in = &box;
    for (size_t i = 0; i < q->n && code == EXITCODE_PASSED; i++) {
        struct err e = ERR_INIT;

        if (agent_info_get(&q->info[i], &ps, q->names[i], in, &e) == 0)
            continue;
        fprintf(stderr, "ecsim features: %s\n", e.text);
        code = e.code == ERR_USAGE ? EXITCODE_USAGE : EXITCODE_AGENT;
    }
    profiles_release(&ps);
    return code;
}

static void list_features(const struct request *q)
{
    size_t n;
    const struct agent_feature *f = agent_features(&n);

    printf("%-9s", "since");
    for (size_t k = 0; k < q->n; k++)
        printf(" %-9s", q->info[k].version ? q->info[k].version : "unknown");
    printf(" %-29s  %s\n", "feature", "scenario, and what is seen");
    for (; n--; f++) {
        printf("%-9s", f->since);
        for (size_t k = 0; k < q->n; k++)
            printf(" %-9s", !q->info[k].version                                    ? "?"
                            : match_version(f->name, q->info[k].version, NULL) > 0 ? "yes"
                                                                                   : "no");
        printf(" %-29s  %s: %s", f->name, f->scenario, f->wire);
        if (f->until)
            printf(" (until %s)", f->until);
        putchar('\n');
    }
}

static void list_docker(void)
{
    char min[24], api[24];
    const char *version;

    printf("%-14s %s\n", "version", "API");
    for (size_t i = 0; (version = docker_version_at(i, min, api)); i++)
        printf("%-14s %s to %s\n", version, min, api);
}

int cmd_features(int argc, char **argv)
{
    struct request q = {0};
    int k = parse(&q, argc, argv), code;

    if (k)
        return k < 0 ? EXITCODE_USAGE : EXITCODE_PASSED;
    code = find_agents(&q);
    if (code == EXITCODE_PASSED && q.docker)
        list_docker();
    else if (code == EXITCODE_PASSED)
        list_features(&q);
    for (size_t i = 0; i < q.n; i++)
        agent_info_release(&q.info[i]);
    return code;
}
