#include "harness/cmd_matrix.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "harness/exitcode.h"
#include "harness/results.h"
#include "harness/suite.h"

#define TABLE_MAX (64u << 20)

static void print_table(const struct results *r, const char *prefix)
{
    _cleanup_buf_ struct buf b = BUF_INIT(TABLE_MAX);

    results_text(r, prefix, &b);
    fputs(buf_str(&b), stdout);
    fflush(stdout);
}

/* --- matrix ---------------------------------------------------------------------------------- */

static void collect(const struct suite *u, const struct run_options *o, struct results *r)
{
    for (size_t k = 0; k < u->n_columns; k++) {
        const struct suite_column *c = &u->columns[k];
        struct results_column column = {c->label, (char *)(uintptr_t)c->config.agent_name,
                                        c->agent.version, (char *)(uintptr_t)c->docker};

        results_column(r, &column);
    }
    for (size_t i = 0; i < u->runner.n; i++) {
        const struct runner_job *j = &u->runner.jobs[i];
        const struct scn *s = j->data;
        _cleanup_free_ char *name = suite_scenario_name(j->path);
        size_t row = results_row(r, name, j->path, s->title);

        results_add(r, row, (size_t)((const struct suite_column *)j->column - u->columns),
                    &u->runner.progress.items[i]);
    }
    if (o->shards)
        results_shard(r, o->shard, o->shards);
    results_sort(r);
}

static int finish(const struct results *r, const struct results_files *f, const char *command,
                  int code)
{
    struct err e = ERR_INIT;

    if (results_write_files(r, f, &e) == 0)
        return code;
    fprintf(stderr, "%s: %s\n", command, e.text);
    return EXITCODE_HARNESS;
}

int cmd_matrix(int argc, char **argv)
{
    struct results r = {0};
    struct run_options o;
    struct suite u;
    int code = run_options_read(&o, RUN_COMMAND_MATRIX, argc, argv);
    struct results_files f;
    bool child = false;

    if (code >= 0)
        return code;
    f = (struct results_files){o.json, o.html, o.markdown, o.junit};
    o.junit = NULL; /* that of the runner is about all agents at once */
    suite_init(&u, "ecsim matrix", &o);
    code = suite_open(&u, &o, argv + optind);
    if (code == EXITCODE_PASSED) {
        suite_add_jobs(&u, &o);
        code = o.list ? suite_list(&u) : suite_run(&u, &child);
        if (!o.list && !child && u.runner.progress.items) {
            collect(&u, &o, &r);
            print_table(&r, isatty(STDOUT_FILENO) ? "" : "# ");
            code = finish(&r, &f, "ecsim matrix", code);
        }
    }
    results_release(&r);
    suite_release(&u);
    run_options_release(&o);
    return code;
}

/* --- merge ----------------------------------------------------------------------------------- */

static const char usage[] =
    "usage: ecsim merge [options] FILE...\n"
    "\n"
    "Puts together what `ecsim matrix --json FILE` wrote: parts of one suite (--shard), or the\n"
    "same scenarios with other agents. Columns come in the order of the files. A cell that is in\n"
    "more than one counts all its runs.\n"
    "\n"
    "  --json FILE      write all of it\n"
    "  --html FILE      write it as a page\n"
    "  --markdown FILE  write it as a table in Markdown\n"
    "  --junit DIR      write a JUnit report for each agent into this folder\n"
    "  --quiet          do not print the table\n"
    "  --help           this text\n"
    "\n"
    "FILE may be - for standard output. Exit status: as of `ecsim run`, 0 all passed, 1 one\n"
    "failed, 2 usage; 4 when a part is missing, or a file is not what it should be.\n";

static int parse(struct results_files *f, bool *quiet, int argc, char **argv)
{
    static const struct option longs[] = {{"json", required_argument, NULL, 'J'},
                                          {"html", required_argument, NULL, 'H'},
                                          {"markdown", required_argument, NULL, 'M'},
                                          {"junit", required_argument, NULL, 'u'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "qh", longs, NULL)) != -1) {
        switch (c) {
        case 'J':
            f->json = optarg;
            break;
        case 'H':
            f->html = optarg;
            break;
        case 'M':
            f->markdown = optarg;
            break;
        case 'u':
            f->junit = optarg;
            break;
        case 'q':
            *quiet = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXITCODE_PASSED;
        default:
            fprintf(stderr, "Try `ecsim merge --help`.\n");
            return EXITCODE_USAGE;
        }
    }
    if (optind < argc)
        return -1;
    fprintf(stderr, "ecsim merge: no file was named\nTry `ecsim merge --help`.\n");
    return EXITCODE_USAGE;
}

static int take_file(struct results *r, const char *path, struct err *e)
{
    _cleanup_buf_ struct buf b = BUF_INIT(RESULTS_FILE_MAX);
    struct results part = {0};
    int k;

    if (io_read_file(path, &b, e) < 0)
        return -1;
    k = results_read(&part, buf_str(&b), buf_len(&b), e);
    if (k == 0)
        k = results_merge(r, &part, e);
    results_release(&part);
    return k < 0 ? err_wrap(e, "%s", path) : 0;
}

static int judge(const struct results *r)
{
    size_t missing = results_missing(r);
    int code = results_exit_code(r);

    if (!missing)
        return code;
    fprintf(stderr, "ecsim merge: part %zu of %zu is missing\n", missing, r->n_shards);
    return EXITCODE_HARNESS;
}

int cmd_merge(int argc, char **argv)
{
    struct results r = {0};
    struct results_files f = {0};
    struct err e = ERR_INIT;
    bool quiet = false;
    int code = parse(&f, &quiet, argc, argv);

    if (code >= 0)
        return code;
    for (int i = optind; i < argc && e.code == ERR_NONE; i++)
        take_file(&r, argv[i], &e);
    if (e.code != ERR_NONE) {
        fprintf(stderr, "ecsim merge: %s\n", e.text);
        code = EXITCODE_HARNESS;
    } else {
        results_sort(&r);
        if (!quiet)
            print_table(&r, "");
        code = finish(&r, &f, "ecsim merge", judge(&r));
    }
    results_release(&r);
    return code;
}
