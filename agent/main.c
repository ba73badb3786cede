/*
 * ecsim-agent: command line and environment in, exit status out.
 */
#include "agent/app.h"
#include "agent/args.h"
#include "agent/healthcheck.h"

int main(int argc, char **argv, char **env)
{
    struct args args = {0};
    struct err e = ERR_INIT;

    if (args_parse(&args, argc, argv, &e) < 0) {
        fprintf(stderr, "ecsim-agent: %s\n", e.text);
        return AGENT_EXIT_TERMINAL;
    }
    if (args.help)
        args_print_help(stdout);
    else if (args.version)
        args_print_version(stdout);
    else if (args.license)
        args_print_license(stdout);
    else if (args.healthcheck)
        return healthcheck((const char *const *)env);
    else
        return app_run(&args, (const char *const *)env);
    return fflush(stdout) == 0 ? AGENT_EXIT_OK : AGENT_EXIT_RESTART;
}
