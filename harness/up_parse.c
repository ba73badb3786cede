#include "harness/up_parse.h"

#include <stdio.h>

#include "harness/up_dir.h"

int up_parse_name(int argc, char **argv, const char *usage, const struct option *options,
                  const char *shorts, const char **ret_name, unsigned *ret_flags, struct err *e)
{
    int c;

    *ret_name = UP_NAME;
    *ret_flags = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, shorts, options, NULL)) != -1) {
        if (c == 'n')
            *ret_name = optarg;
        else if (c == 'h') {
            fputs(usage, stdout);
            return 1;
        } else if (c == '?')
            return err_set(e, ERR_USAGE, "unknown option");
        else
            *ret_flags |= c == 'f' ? UP_FLAG_F : (unsigned)c;
    }
    return optind < argc ? err_set(e, ERR_USAGE, "what is \"%s\"?", argv[optind]) : 0;
}
