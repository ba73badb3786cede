#include "harness/run_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/verb.h"
#include "harness/vtime/tracer.h"

static const char usage[] =
    "usage: ecsim run [options] PATH...\n"
    "\n"
    "Runs scenarios: files, or folders with all .scn files below them (folders named\n"
    "`lib` hold parts for others, `self` the harness's own self-tests: both are left\n"
    "out unless they are named).\n"
    "\n"
    "  --agent A        the agent under test (needed by `start agent`): a name of those that\n"
    "                   `ecsim agents` lists, or a command line\n"
    "  --agents FILE    read further names of agents from here\n"
    "  -j N             run N at once (default: number of processors)\n"
    "  -k TEXT          only those with TEXT in their path or title\n"
    "  --tags A,B       only those with one of these tags; -A leaves those with A out\n"
    "  --list           say what would be run, and stop\n"
    "  --junit FILE     write a JUnit report too\n"
    "  --keep           keep every scenario's folder, not only those of failures\n"
    "  -n N             run each N times\n"
    "  --verify         run each twice with the same seed; both must have the same history\n"
    "  --seed N         seed of ids, jitter and random faults (default: from the clock)\n"
    "  --timeout TIME   real-time limit of each scenario, over its own\n"
    "  --time PACE      virtual (the rule: waits cost nothing), real, or scaled:N\n"
    "  --crash POINT    kill the agent there and start it again: wire:N, commit:N, write:N; a\n"
    "                   range such as wire:1-40 runs each scenario once for each point\n"
    "  -I DIR           look for imported files here too\n"
    "  --no-sandbox     start agents and programs on the machine itself, in no namespaces\n"
    "  --help           this text\n"
    "\n"
    "ECSIM_SLOW=N in the environment multiplies every limit, and in real time every `within`\n"
    "(valgrind). ECSIM_TIME is the PACE when --time does not say one.\n"
    "\n"
    "Exit status: 0 all passed, 1 one failed, 2 usage, 3 a scenario is not valid (nothing\n"
    "was started), 4 a fault of the harness, 5 the agent could not be started, 128 + N\n"
    "interrupted by signal N.\n";

static int positive(const char *text, const char *name, long *ret, struct err *e)
{
    uint64_t v;

    if (str_u64(text, 100000, &v) < 0 || !v)
        return err_set(e, ERR_USAGE, "%s %s: expected a number from 1", name, text);
    *ret = (long)v;
    return 0;
}

/* One option. 1: help was printed. */
static int take(struct run_options *o, int c, struct err *e)
{
    switch (c) {
    case 'a':
        o->agent = optarg;
        break;
    case 'A':
        o->agents = optarg;
        break;
    case 'j':
        return positive(optarg, "-j", &o->jobs, e);
    case 'k':
        o->filter = optarg;
        break;
    case 't':
        o->tags = optarg;
        break;
    case 'l':
        o->list = true;
        break;
    case 'u':
        o->junit = optarg;
        break;
    case 'V':
        o->verify = true;
        break;
    case 'K':
        o->keep = true;
        break;
    case 'n':
        return positive(optarg, "-n", &o->repeat, e);
    case 's':
        o->has_seed = true;
        if (str_u64(optarg, UINT64_MAX, &o->seed) < 0)
            return err_set(e, ERR_USAGE, "--seed %s: not a number", optarg);
        break;
    case 'T':
        if (str_duration(optarg, &o->timeout) < 0 || o->timeout <= 0)
            return err_set(e, ERR_USAGE, "--timeout %s: expected a time such as 30s", optarg);
        break;
    case 'P':
        o->has_pace = true;
        if (pace_parse(optarg, &o->pace) < 0)
            return err_set(e, ERR_USAGE, "--time %s: expected %s", optarg,
                           arg_kind_expects(ARG_PACE));
        break;
    case 'C':
        return crash_parse(optarg, &o->crash, e);
    case 'N':
        o->no_sandbox = true;
        break;
    case 'I':
        grow_array(o->dirs, o->n_dirs, o->cap_dirs);
        o->dirs[o->n_dirs++] = optarg;
        break;
    case 'h':
        fputs(usage, stdout);
        return 1;
    default:
        return err_set(e, ERR_USAGE, "unknown option");
    }
    return 0;
}

int run_options_parse(struct run_options *o, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"agent", required_argument, NULL, 'a'}, {"agents", required_argument, NULL, 'A'},
        {"tags", required_argument, NULL, 't'},  {"list", no_argument, NULL, 'l'},
        {"junit", required_argument, NULL, 'u'}, {"keep", no_argument, NULL, 'K'},
        {"seed", required_argument, NULL, 's'},  {"timeout", required_argument, NULL, 'T'},
        {"crash", required_argument, NULL, 'C'}, {"time", required_argument, NULL, 'P'},
        {"no-sandbox", no_argument, NULL, 'N'},  {"verify", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},        {0},
    };
    int c, k = 0;

    optind = 1;
    while (k == 0 && (c = getopt_long(argc, argv, "j:k:n:I:h", longs, NULL)) != -1)
        k = take(o, c, e);
    if (k == 0 && optind == argc)
        return err_set(e, ERR_USAGE, "no scenario was named");
    return k;
}

int run_options_pace(struct run_options *o)
{
    const char *text = getenv("ECSIM_TIME");
    struct err e = ERR_INIT;

    if (!o->has_pace && text && *text && pace_parse(text, &o->pace) < 0) {
        fprintf(stderr, "ecsim run: ECSIM_TIME=%s: expected %s\n", text,
                arg_kind_expects(ARG_PACE));
        return -1;
    }
    if (o->pace.mode == LOOP_REAL || o->list || tracer_probe(&e) == 0)
        return 0;
    fprintf(stderr, "ecsim run: time is real: virtual time is not possible here (%s)\n", e.text);
    o->pace = (struct pace){LOOP_REAL, 1};
    return 0;
}

int64_t run_options_slowness(void)
{
    const char *text = getenv("ECSIM_SLOW");
    uint64_t v;

    return text && str_u64(text, 1000, &v) == 0 && v ? (int64_t)v : 1;
}

void run_options_again(const struct run_options *o, struct buf *b)
{
    if (run_options_slowness() > 1)
        buf_addf(b, "ECSIM_SLOW=%lld ", (long long)run_options_slowness());
    str_quote(b, program_invocation_name);
    buf_adds(b, " run");
    if (o->pace.mode == LOOP_REAL)
        buf_adds(b, " --time real");
    else if (o->pace.mode == LOOP_SCALED)
        buf_addf(b, " --time scaled:%lld", (long long)o->pace.scale);
    for (size_t i = 0; i < o->n_dirs; i++) {
        buf_adds(b, " -I ");
        str_quote(b, o->dirs[i]);
    }
    if (o->timeout)
        buf_addf(b, " --timeout %s", str_format_duration(o->timeout, (char[48]){0}));
    if (o->no_sandbox)
        buf_adds(b, " --no-sandbox");
    if (o->agents) {
        buf_adds(b, " --agents ");
        str_quote(b, o->agents);
    }
    if (o->agent) {
        buf_adds(b, " --agent ");
        str_quote(b, o->agent);
    }
}
