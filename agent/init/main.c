/*
 * ecsim-init: command line and environment in, exit status out.
 */
#include <stdio.h>

#include "agent/init/commands.h"
#include "agent/init/init.h"

int main(int argc, char **argv, char **env)
{
    struct init_options o;
    struct init in;
    struct err e = ERR_INIT;

    if (init_options_parse(&o, argc, argv, (const char *const *)env, &e) < 0) {
        fprintf(stderr, "ecsim-init: %s\nTry `ecsim-init --help`.\n", e.text);
        return INIT_EXIT_USAGE;
    }
    if (o.help || o.version) {
        if (o.help)
            init_options_help();
        else
            printf("ecsim-init %s\n", ECSIM_VERSION);
        return INIT_EXIT_OK;
    }
    if (init_open(&in, &o, (const char *const *)env, &e) < 0) {
        fprintf(stderr, "ecsim-init: %s\n", e.text);
        return INIT_EXIT_ERROR;
    }
    init_command_run(&in);
    init_close(&in);
    return in.status;
}
