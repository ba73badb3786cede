/* ecsim: the command. Words to functions, and nothing else. */
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "harness/cmd_certificates.h"
#include "harness/boot/cmd_boot_check.h"
#include "harness/cni/plugin.h"
#include "harness/cmd_diff.h"
#include "harness/cmd_matrix.h"
#include "harness/cmd_operations.h"
#include "harness/config_lint.h"
#include "harness/agent_feature.h"
#include "harness/cmd_agents.h"
#include "harness/cmd_run.h"
#include "harness/exitcode.h"
#include "harness/scn.h"
#include "harness/serve.h"
#include "harness/up.h"

static int cmd_version(int argc, char **argv);
static int cmd_help(int argc, char **argv);

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *doc;
} commands[] = {
    {"run", cmd_run, "run scenarios against an agent"},
    {"matrix", cmd_matrix, "run scenarios against many agents"},
    {"merge", cmd_merge, "put the results of `matrix` together"},
    {"diff", cmd_diff, "what two agents do differently on the wires"},
    {"up", cmd_up, "an ECS control plane on this machine, for the AWS CLI"},
    {"down", cmd_down, "end what `up` started"},
    {"status", cmd_status, "list what `up` started"},
    {"logs", cmd_logs, "show what happens in it"},
    {"boot-check", cmd_boot_check, "will it boot, with these units and this user data?"},
    {"agents", cmd_agents, "list the agents that have names"},
    {"features", cmd_features, "list what releases of the official agent have changed"},
    {"serve", cmd_serve, "serve any of the fakes by hand"},
    {"config-lint", cmd_config_lint, "say what an agent will make of ecs.config"},
    {"fmt", cmd_fmt, "format scenarios"},
    {"json", cmd_json, "turn scenarios into JSON, and back"},
    {"doc", cmd_doc, "print the reference of the scenario language"},
    {"schema", cmd_schema, "print the JSON Schema of scenarios"},
    {"operations", cmd_operations, "list the operations of AWS that the fakes answer"},
    {"certificates", cmd_certificates, "print what identity documents are checked with"},
    {"version", cmd_version, "print the version"},
    {"help", cmd_help, "this text"},
};

static int cmd_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("ecsim %s\n", ECSIM_VERSION);
    return EXITCODE_PASSED;
}

static int cmd_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("ecsim runs an unmodified Amazon ECS container agent against everything it talks to:\n"
           "fakes of Docker, ECS, ACS, TCS, S3 and IMDS, driven by scripted scenarios.\n"
           "\n"
           "usage: ecsim COMMAND [options]\n"
           "\n");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        printf("  %-11s %s\n", commands[i].name, commands[i].doc);
    printf("\n`ecsim COMMAND --help` tells more. The first thing to try:\n"
           "  ecsim run --agent build/ecsim-agent scenarios\n");
    return EXITCODE_PASSED;
}

int main(int argc, char **argv)
{
    const char *names[ARRAY_SIZE(commands)], *near;
    const char *word = argc > 1 ? argv[1] : "help";

    if (cni_plugin_named(argv[0]))
        return cni_plugin_main(argc, argv);
    if (str_eq(word, "--help") || str_eq(word, "-h"))
        word = "help";
    if (str_eq(word, "--version"))
        word = "version";
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        names[i] = commands[i].name;
        if (str_eq(names[i], word))
            return commands[i].run(argc > 1 ? argc - 1 : argc, argc > 1 ? argv + 1 : argv);
    }
    near = str_nearest(word, names, ARRAY_SIZE(names));
    fprintf(stderr, "ecsim: there is no command \"%s\"%s%s%s\nTry `ecsim help`.\n", word,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return EXITCODE_USAGE;
}
