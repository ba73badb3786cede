/* The command line, for init.h. */
#include "agent/init/init.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const struct {
    const char *word;
    enum init_command command;
} commands[] = {{"pre-start", INIT_PRE_START}, {"start", INIT_START},
                {"stop", INIT_STOP},           {"pre-stop", INIT_STOP},
                {"post-stop", INIT_POST_STOP}, {"reload-cache", INIT_RELOAD_CACHE}};

void init_options_help(void)
{
    printf(
        "usage: ecsim-init [options] COMMAND\n"
        "\n"
        "Supervises the ECS agent, as ecs-init does. A unit calls it; see agent/packaging.\n"
        "\n"
        "  pre-start      wait for Docker, make the agent's folders, lead 169.254.170.2:80 to it\n"
        "  start          start the agent, and again until it ends with 0 or 5\n"
        "  stop           end the agent (also: pre-stop)\n"
        "  post-stop      take the network rules away\n"
        "  reload-cache   load the image in " INIT_CACHE " into Docker\n"
        "\n"
        "  --agent CMD    command line of the agent (else $ECSIM_INIT_AGENT, else ecsim-agent "
        "beside\n"
        "                 this program)\n"
        "  --container    run it as a container of Docker, named " INIT_CONTAINER "\n"
        "  --image NAME   of that container (else " INIT_IMAGE ")\n"
        "  --env-file F   NAME=VALUE lines as `docker run --env-file` reads them: environment of "
        "the agent\n"
        "                 (a container has " INIT_CONFIG " when nothing is said)\n"
        "  --help, --version\n"
        "\n"
        "Exit code of the agent, and what start does: 0 ends with 0; 5 ends with 5, and nobody "
        "should\n"
        "start it again; 42 starts it again at once, updated; anything else after 0.5 s, growing "
        "to\n"
        "15 s.\n"
        "\n"
        "Exit status: 0, 1 usage, 5 the agent must not be started again, 255 something is "
        "wrong.\n");
}

static const char *of_env(const char *const *env, const char *name)
{
    size_t n = strlen(name);

    for (; *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=' && (*env)[n + 1])
            return *env + n + 1;
    return NULL;
}

static int set_command(struct init_options *o, const char *word, struct err *e)
{
    const char *words[ARRAY_SIZE(commands)], *near;

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        words[i] = commands[i].word;
        if (str_eq(words[i], word)) {
            o->command = commands[i].command;
            return 0;
        }
    }
    near = str_nearest(word, words, ARRAY_SIZE(words));
    return err_set(e, ERR_USAGE, "there is no command \"%s\"%s%s%s", word,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

int init_options_parse(struct init_options *o, int argc, char **argv, const char *const *env,
                       struct err *e)
{
    static const struct option longs[] = {{"agent", required_argument, NULL, 'a'},
                                          {"container", no_argument, NULL, 'c'},
                                          {"image", required_argument, NULL, 'i'},
                                          {"env-file", required_argument, NULL, 'e'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'v'},
                                          {0}};
    int c;

    *o = (struct init_options){.image = INIT_IMAGE};
    o->agent = of_env(env, "ECSIM_INIT_AGENT");
    optind = 1;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (c == 'a')
            o->agent = optarg;
        else if (c == 'c')
            o->container = true;
        else if (c == 'i')
            o->image = optarg;
        else if (c == 'e')
            o->env_file = optarg;
        else if (c == 'h')
            o->help = true;
        else if (c == 'v')
            o->version = true;
        else
            return err_set(e, ERR_USAGE, "%s: there is no such option, or its value is missing",
                           argv[optind - 1]);
    }
    if (o->help || o->version || (optind < argc && str_eq(argv[optind], "version"))) {
        o->version = !o->help;
        return 0;
    }
    if (optind + 1 != argc)
        return err_set(e, ERR_USAGE, "expected one command");
    return set_command(o, argv[optind], e);
}
