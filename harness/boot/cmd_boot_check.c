#include "harness/boot/cmd_boot_check.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/boot/builtin.h"
#include "harness/boot/user_data.h"
#include "harness/boot/verdict.h"
#include "harness/exitcode.h"

static const char usage[] =
    "usage: ecsim boot-check [options] [UNIT...]\n"
    "\n"
    "Says whether a machine with these systemd units and this user data boots, and whether the\n"
    "agent runs then. The classic fault: user data runs inside of cloud-final.service; ecs.service "
    "is\n"
    "ordered after it; so `systemctl start ecs` in user data waits for a job that waits for the "
    "user\n"
    "data, for ever, and nothing is ever logged.\n"
    "\n"
    "UNIT is a unit file (ecs.service), or a drop-in (ecs.service.d/order.conf). Each counts as\n"
    "enabled before the boot, as on a machine image.\n"
    "\n"
    "  --user-data FILE  a shell script, #cloud-config, #cloud-boothook or a MIME multipart "
    "message\n"
    "                    of them; - is standard input\n"
    "  --host NAME       whose cloud-init units: amazon-linux (when nothing is said) or debian\n"
    "  --root DIR        read all units from this root folder of a machine instead (`/` for this\n"
    "                    one): what is enabled there is, and UNIT replaces what it has\n"
    "  --disabled UNIT   this unit is not enabled before the boot\n"
    "  --json            the verdict as JSON\n"
    "  --trace           with every job and state\n"
    "  --strict          warnings are failures too\n"
    "  --help            this text\n"
    "\n"
    "Nothing is run or changed. It is a model of systemd's jobs: held against the real systemd\n"
    "by scenarios/boot/. What it does not know: docs/boot.md.\n"
    "\n"
    "  ecsim boot-check /lib/systemd/system/ecs.service --user-data user-data.sh\n"
    "  ecsim boot-check --root / --user-data user-data.sh\n"
    "\n"
    "Exit status: 0 it boots and the agent comes up, 1 it does not (or, with --strict, there are\n"
    "warnings), 2 usage, 3 a file cannot be read or makes no sense.\n";

struct request {
    struct boot_check check;
    const char *user_data;
    const char **disabled;
    size_t n_disabled, disabled_room;
    bool json, trace, strict;
};

static int set_host(struct request *q, const char *name)
{
    const char *const *h = builtin_hosts();
    size_t n = 0;
    const char *near;

    for (; h[n]; n++)
        if (str_eq(h[n], name)) {
            q->check.host = h[n];
            return 0;
        }
    near = str_nearest(name, h, n);
    fprintf(stderr, "ecsim boot-check: there is no host \"%s\"%s%s%s: amazon-linux or debian\n",
            name, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return -1;
}

static void add_disabled(struct request *q, const char *name)
{
    grow_array(q->disabled, q->n_disabled, q->disabled_room);
    q->disabled[q->n_disabled++] = name;
}

/* -1: told. 1: help was printed. */
static int parse(struct request *q, int argc, char **argv)
{
    static const struct option longs[] = {{"user-data", required_argument, NULL, 'u'},
                                          {"host", required_argument, NULL, 'H'},
                                          {"root", required_argument, NULL, 'r'},
                                          {"disabled", required_argument, NULL, 'd'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"trace", no_argument, NULL, 't'},
                                          {"strict", no_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (c == 'u') {
            q->user_data = optarg;
        } else if (c == 'H') {
            if (set_host(q, optarg) < 0)
                return -1;
        } else if (c == 'r') {
            q->check.root = optarg;
        } else if (c == 'd') {
            add_disabled(q, optarg);
        } else if (c == 'j' || c == 't' || c == 's') {
            *(c == 'j' ? &q->json : c == 't' ? &q->trace : &q->strict) = true;
        } else if (c == 'h') {
            fputs(usage, stdout);
            return 1;
        } else {
            fprintf(stderr, "Try `ecsim boot-check --help`.\n");
            return -1;
        }
    }
    add_disabled(q, NULL);
    if (q->check.root && q->check.host) {
        fprintf(stderr,
                "ecsim boot-check: --root reads the units of a machine, --host has built-in "
                "ones: give one of them\n");
        return -1;
    }
    if (optind == argc && !q->check.root && !q->user_data) {
        fprintf(stderr, "ecsim boot-check: nothing to look at: give a unit file, --user-data or "
                        "--root\nTry `ecsim boot-check --help`.\n");
        return -1;
    }
    return 0;
}

static int read_user_data(const char *path, struct buf *b, struct err *e)
{
    return io_read_file(str_eq(path, "-") ? "/dev/stdin" : path, b, e);
}

static int show(const struct request *q, json_t *v)
{
    _cleanup_buf_ struct buf out = BUF_INIT(16 << 20);
    bool bad = !str_eq(verdict_of(v), "boots") || (q->strict && verdict_warns(v));

    if (q->json) {
        if (!q->trace)
            json_object_del(v, "trace");
        json_write(&out, v);
        buf_addc(&out, '\n');
    } else {
        verdict_text(v, q->trace, &out);
    }
    fputs(buf_str(&out), stdout);
    return bad ? EXITCODE_FAILED : EXITCODE_PASSED;
}

int cmd_boot_check(int argc, char **argv)
{
    struct request q = {0};
    _cleanup_buf_ struct buf data = BUF_INIT(USER_DATA_MAX);
    struct err e = ERR_INIT;
    json_t *v = NULL;
    int k = parse(&q, argc, argv), code = k < 0 ? EXITCODE_USAGE : EXITCODE_PASSED;

    if (k == 0) {
        q.check.unit_files = (const char *const *)(argv + optind);
        q.check.disabled = q.disabled;
        q.check.user_data_name = q.user_data;
        if (!q.user_data || read_user_data(q.user_data, &data, &e) == 0) {
            if (q.user_data) {
                q.check.user_data = buf_str(&data);
                q.check.user_data_len = buf_len(&data);
            }
            v = boot_check(&q.check, &e);
        }
        if (!v)
            fprintf(stderr, "ecsim boot-check: %s\n", e.text);
        code = v ? show(&q, v) : EXITCODE_SCENARIO;
    }
    json_decref(v);
    free(q.disabled);
    return code;
}
