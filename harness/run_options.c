#include "harness/run_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/exitcode.h"
#include "harness/verb.h"
#include "harness/vtime/tracer.h"

/* The three are alike: a line of the help is for those commands whose bits stand before it. */
#define R RUN_COMMAND_RUN
#define M RUN_COMMAND_MATRIX
#define D RUN_COMMAND_DIFF

static const struct {
    int commands;
    const char *text;
} usage[] = {
    {R, "usage: ecsim run [options] PATH...\n"
        "\n"
        "Runs scenarios: files, or folders with all .scn files below them (folders named\n"
        "`lib` hold parts for others, `self` the harness's own self-tests: both are left\n"
        "out unless they are named).\n"},
    {M, "usage: ecsim matrix --agent A --agent B ... [options] PATH...\n"
        "\n"
        "Runs the scenarios once with each agent and each version of Docker, and prints which of\n"
        "them passed where (docs/validate-an-agent.md).\n"},
    {D, "usage: ecsim diff --agent A --agent B [options] PATH...\n"
        "\n"
        "Runs the scenarios with two agents and says what they did differently on the wires:\n"
        "calls and members that came, went, moved or changed, and when (docs/diff.md). Guards of\n"
        "versions do not hold here: a scenario that one of them fails is compared as far as it\n"
        "came.\n"},
    {R | M | D, "\n"},
    {R, "  --agent A        the agent under test (needed by `start agent`): a name of those that\n"
        "                   `ecsim agents` lists, or a command line\n"},
    {M | D, "  --agent A        an agent: a name of those that `ecsim agents` lists, or a command\n"
            "                   line; given once for each\n"},
    {R | M | D,
     "  --agents FILE    read further names of agents from here\n"
     "  --second-agent A the agent that takes over where a scenario says so; else the same one\n"
     "  --docker-version V  the Docker engine is of this version, 1.5.0 to 29 (20.10.24)\n"},
    {M, "                   given more than once: each agent meets each of them\n"},
    {R | M | D,
     "  -j N             run N at once (default: number of processors)\n"
     "  -k TEXT          only those with TEXT in their path or title\n"
     "  --tags A,B       only those with one of these tags; -A leaves those with A out\n"},
    {R | M, "  --shard K/N      only the K-th of N parts; a scenario is always in the same one\n"
            "  --list           say what would be run, and stop\n"},
    {R, "  --junit FILE     write a JUnit report too\n"},
    {M, "  --json FILE      write the results, for `ecsim merge`\n"
        "  --html FILE      write them as a page\n"
        "  --markdown FILE  write them as a table in Markdown\n"
        "  --junit DIR      write a JUnit report for each agent into this folder\n"},
    {D, "  --html FILE      write it as a page\n"
        "  --json FILE      write it for programs\n"},
    {R | M, "  --keep           keep every scenario's folder, not only those of failures\n"},
    {R | M, "  -n N             run each N times: all have to pass\n"
            "  --retry N        run what failed again, up to N times: one has to pass\n"},
    {D, "  -n N             run each N times with each agent (default: 3): what differs between\n"
        "                   two runs of one agent is chance, and not told\n"},
    {R, "  --verify         run each twice with the same seed; both must have the same history\n"},
    {R | M | D,
     "  --seed N         seed of ids, jitter and random faults (default: from the clock)\n"
     "  --timeout TIME   real-time limit of each scenario, over its own\n"
     "  --time PACE      virtual (the rule: waits cost nothing), real, or scaled:N\n"},
    {R, "  --crash POINT    kill the agent there and start it again: wire:N, commit:N, write:N; a\n"
        "                   range such as wire:1-40 runs each scenario once for each point\n"},
    {R | M | D, "  -I DIR           look for imported files here too\n"
                "  --no-sandbox     start agents and programs on the machine itself, in no "
                "namespaces\n"
                "  --help           this text\n"
                "\n"
                "ECSIM_SLOW=N in the environment multiplies every limit, and in real time every "
                "`within`\n"
                "(valgrind). ECSIM_TIME is the PACE when --time does not say one.\n"
                "\n"},
    {R | M, "Exit status: 0 all passed, 1 one failed, 2 usage, 3 a scenario is not valid (nothing\n"
            "was started), 4 a fault of the harness, 5 the agent could not be started, 128 + N\n"
            "interrupted by signal N.\n"},
    {D, "Exit status: 0 the same, 1 they differ, 2 usage, 3 a scenario is not valid (nothing\n"
        "was started), 4 a fault of the harness, 5 an agent could not be started, 128 + N\n"
        "interrupted by signal N.\n"},
};

static void print_usage(enum run_command command)
{
    for (size_t i = 0; i < ARRAY_SIZE(usage); i++)
        if (usage[i].commands & command)
            fputs(usage[i].text, stdout);
}

static const char *command_name(enum run_command command)
{
    return command == R ? "run" : command == M ? "matrix" : "diff";
}

static int positive(const char *text, const char *name, long *ret, struct err *e)
{
    uint64_t v;

    if (str_u64(text, 100000, &v) < 0 || !v)
        return err_set(e, ERR_USAGE, "%s %s: expected a number from 1", name, text);
    *ret = (long)v;
    return 0;
}

int run_options_shard(const char *text, uint64_t *ret_shard, uint64_t *ret_shards)
{
    const char *slash = strchr(text, '/');
    char *first = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;
    uint64_t k = 0, n = 0;
    int r = first && str_u64(first, RUN_SHARDS_MAX, &k) == 0 &&
                    str_u64(slash + 1, RUN_SHARDS_MAX, &n) == 0 && k && k <= n
                ? 0
                : -1;

    free(first);
    if (r == 0) {
        *ret_shard = k;
        *ret_shards = n;
    }
    return r;
}

/* The options that came with matrix and diff. */
static int take_more(struct run_options *o, int c, struct err *e)
{
    switch (c) {
    case 'B':
        o->second_agent = optarg;
        break;
    case 'D':
        grow_array(o->dockers, o->n_dockers, o->cap_dockers);
        o->dockers[o->n_dockers++] = optarg;
        break;
    case 'S':
        if (run_options_shard(optarg, &o->shard, &o->shards) < 0)
            return err_set(e, ERR_USAGE, "--shard %s: expected a part and their number, as 2/5",
                           optarg);
        break;
    case 'R':
        if (positive(optarg, "--retry", &o->retry, e) < 0)
            return -1;
        if (o->retry > RUN_RETRY_MAX)
            return err_set(e, ERR_USAGE, "--retry %s: at most %d", optarg, RUN_RETRY_MAX);
        break;
    case 'J':
        o->json = optarg;
        break;
    case 'H':
        o->html = optarg;
        break;
    case 'M':
        o->markdown = optarg;
        break;
    default:
        return err_set(e, ERR_USAGE, "unknown option");
    }
    return 0;
}

/* One option. 1: help was printed. */
static int take(struct run_options *o, int c, struct err *e)
{
    switch (c) {
    case 'a':
        grow_array(o->agents_, o->n_agents, o->cap_agents);
        o->agents_[o->n_agents++] = optarg;
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
        print_usage(o->command);
        return 1;
    default:
        return take_more(o, c, e);
    }
    return 0;
}

/* Which commands have an option of this letter. */
static int commands_of(int c)
{
    switch (c) {
    case 'C':
    case 'V':
        return R;
    case 'u':
    case 'l':
    case 'K':
    case 'S':
    case 'R':
        return R | M;
    case 'J':
    case 'H':
        return M | D;
    case 'M':
        return M;
    default:
        return R | M | D;
    }
}

static int check(struct run_options *o, struct err *e)
{
    if (o->command == R && o->n_agents > 1) {
        o->agents_[0] = o->agents_[o->n_agents - 1];
        o->n_agents = 1;
    }
    if (o->command == R && o->n_dockers > 1) {
        o->dockers[0] = o->dockers[o->n_dockers - 1];
        o->n_dockers = 1;
    }
    if (o->command == M && !o->n_agents)
        return err_set(e, ERR_USAGE, "no agent was named: --agent A, once for each");
    if (o->command == D && (o->n_agents != 2 || o->n_dockers > 1))
        return err_set(e, ERR_USAGE, "expected --agent twice, and --docker-version at most once");
    if (o->retry && (o->verify || o->repeat > 1))
        return err_set(e, ERR_USAGE, "--retry does not go together with %s",
                       o->verify ? "--verify" : "-n");
    return 0;
}

static int parse(struct run_options *o, int argc, char **argv, struct err *e)
{
    static const struct option longs[] = {
        {"agent", required_argument, NULL, 'a'},
        {"agents", required_argument, NULL, 'A'},
        {"second-agent", required_argument, NULL, 'B'},
        {"docker-version", required_argument, NULL, 'D'},
        {"tags", required_argument, NULL, 't'},
        {"list", no_argument, NULL, 'l'},
        {"junit", required_argument, NULL, 'u'},
        {"keep", no_argument, NULL, 'K'},
        {"seed", required_argument, NULL, 's'},
        {"timeout", required_argument, NULL, 'T'},
        {"crash", required_argument, NULL, 'C'},
        {"time", required_argument, NULL, 'P'},
        {"no-sandbox", no_argument, NULL, 'N'},
        {"verify", no_argument, NULL, 'V'},
        {"shard", required_argument, NULL, 'S'},
        {"retry", required_argument, NULL, 'R'},
        {"json", required_argument, NULL, 'J'},
        {"html", required_argument, NULL, 'H'},
        {"markdown", required_argument, NULL, 'M'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int c, k = 0;

    optind = 1;
    while (k == 0 && (c = getopt_long(argc, argv, "j:k:n:I:h", longs, NULL)) != -1) {
        if (!(commands_of(c) & (int)o->command))
            return err_set(e, ERR_USAGE, "`ecsim %s` has no such option", command_name(o->command));
        k = take(o, c, e);
    }
    if (k == 0 && optind == argc)
        return err_set(e, ERR_USAGE, "no scenario was named");
    return k == 0 ? check(o, e) : k;
}

/* How time passes: --time, or ECSIM_TIME. Where nobody may trace, time is real, and that is told.
 */
static int choose_pace(struct run_options *o)
{
    const char *text = getenv("ECSIM_TIME");
    struct err e = ERR_INIT;

    if (!o->has_pace && text && *text && pace_parse(text, &o->pace) < 0) {
        fprintf(stderr, "ecsim %s: ECSIM_TIME=%s: expected %s\n", command_name(o->command), text,
                arg_kind_expects(ARG_PACE));
        return -1;
    }
    if (o->pace.mode == LOOP_REAL || o->list || tracer_probe(&e) == 0)
        return 0;
    fprintf(stderr, "ecsim %s: time is real: virtual time is not possible here (%s)\n",
            command_name(o->command), e.text);
    o->pace = (struct pace){LOOP_REAL, 1};
    return 0;
}

int run_options_read(struct run_options *o, enum run_command command, int argc, char **argv)
{
    struct err e = ERR_INIT;
    int k;

    *o = (struct run_options){.command = command, .pace = {LOOP_VIRTUAL, 1}};
    k = parse(o, argc, argv, &e);
    grow_array(o->dirs, o->n_dirs, o->cap_dirs);
    o->dirs[o->n_dirs] = NULL;
    if (k < 0)
        fprintf(stderr, "ecsim %s: %s\nTry `ecsim %s --help`.\n", command_name(command), e.text,
                command_name(command));
    if (k == 0)
        k = choose_pace(o);
    if (k == 0)
        return -1;
    run_options_release(o);
    return k < 0 ? EXITCODE_USAGE : EXITCODE_PASSED;
}

void run_options_release(struct run_options *o)
{
    free(o->dirs);
    free(o->agents_);
    free(o->dockers);
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
    if (o->second_agent) {
        buf_adds(b, " --second-agent ");
        str_quote(b, o->second_agent);
    }
}
