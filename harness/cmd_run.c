#include "harness/cmd_run.h"

#include <getopt.h>
#include <stdio.h>

#include "harness/exitcode.h"
#include "harness/suite.h"

int cmd_run(int argc, char **argv)
{
    struct run_options o;
    struct suite u;
    int code = run_options_read(&o, RUN_COMMAND_RUN, argc, argv);
    bool child;

    if (code >= 0)
        return code;
    suite_init(&u, "ecsim run", &o);
    code = suite_open(&u, &o, argv + optind);
    if (code == EXITCODE_PASSED) {
        suite_add_jobs(&u, &o);
        code = o.list ? suite_list(&u) : suite_run(&u, &child);
    }
    suite_release(&u);
    run_options_release(&o);
    return code;
}
