#include "harness/cmd_operations.h"

#include <stdio.h>

#include "base/buf.h"
#include "harness/exitcode.h"
#include "harness/peers.h"

#define OPERATIONS_MAX (1 << 20)

int cmd_operations(int argc, char **argv)
{
    struct buf out = BUF_INIT(OPERATIONS_MAX);

    (void)argv;
    if (argc > 1) {
        fputs("usage: ecsim operations\n\n"
              "Prints a line for each operation of AWS that the fakes answer: the service, the\n"
              "operation, and the group that a scenario declares as answered.\n",
              stderr);
        return EXITCODE_USAGE;
    }
    for (const char *const *name = peers_names(); *name; name++)
        if (peers_ops(*name)->operations)
            peers_ops(*name)->operations(&out);
    fputs(buf_str(&out), stdout);
    buf_release(&out);
    return EXITCODE_PASSED;
}
