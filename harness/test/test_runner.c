#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/runner.h"

/* What a job's title says is what its child does. */
static void behave(const struct runner *self, const struct runner_job *job, const char *dir,
                   uint64_t seed, struct result *r)
{
    char *path = xasprintf("%s/seen", dir);

    (void)self;
    io_write_file(path, "x", 1, 0600, NULL);
    free(path);
    r->outcome = OUTCOME_PASSED;
    r->clock = (double)seed;
    if (str_eq(job->title, "fails")) {
        r->outcome = OUTCOME_FAILED;
        r->reason = xstrdup("because");
    } else if (str_eq(job->title, "crashes")) {
        fprintf(stderr, "last words\n");
        fflush(stderr);
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    } else if (str_eq(job->title, "hangs")) {
        for (;;)
            pause();
    }
}

static struct runner_job jobs[] = {
    {.path = "1", .seed = 10, .title = "passes", .limit = NS_PER_S},
    {.path = "2", .seed = 11, .title = "fails", .limit = NS_PER_S},
    {.path = "3", .seed = 12, .title = "crashes", .limit = NS_PER_S},
    {.path = "4", .seed = 13, .title = "passes", .limit = NS_PER_S, .skip = "not today"},
    {.path = "5", .seed = 14, .title = "passes", .limit = NS_PER_S},
};

/* The runner writes to standard output, which is the test's report: it goes to a file here. */
static enum runner_end run_quietly(struct runner *r)
{
    struct err e = ERR_INIT;
    enum runner_end end;
    int keep = dup(1), null = open("/dev/null", 1);

    fflush(stdout);
    dup2(null, 1);
    end = runner_run(r, &e);
    fflush(stdout);
    if (end == RUNNER_CHILD)
        _exit(r->child_code);
    dup2(keep, 1);
    close(keep);
    close(null);
    return end;
}

/* Twins whose history holds their folder's number, which is different for each. */
static void differ(const struct runner *self, const struct runner_job *job, const char *dir,
                   uint64_t seed, struct result *r)
{
    const char *slash = strrchr(dir, '/');

    (void)self;
    (void)seed;
    r->outcome = OUTCOME_PASSED;
    r->history = xasprintf("a\nb%s\n", str_eq(job->title, "chance") ? slash : "");
}

static void the_second_of_two_runs_fails_when_it_lived_through_other_things(void **state)
{
    struct runner_job pairs[] = {
        {.path = "1", .title = "constant", .limit = NS_PER_S},
        {.path = "1", .title = "constant", .limit = NS_PER_S, .twin = true},
        {.path = "2", .title = "chance", .limit = NS_PER_S},
        {.path = "2", .title = "chance", .limit = NS_PER_S, .twin = true},
    };
    struct runner r = {.run = differ, .jobs = pairs, .n = 4, .parallel = 4};

    (void)state;
    assert_int_equal(run_quietly(&r), RUNNER_DONE);
    assert_int_equal(r.progress.count[OUTCOME_PASSED], 3);
    assert_int_equal(r.progress.items[3].result.outcome, OUTCOME_FAILED);
    assert_non_null(strstr(r.progress.items[3].result.reason, "line 2 of the history"));
    runner_release(&r);
}

static void each_job_is_told_apart_and_only_failures_keep_their_folder(void **state)
{
    struct runner r = {.run = behave, .jobs = jobs, .n = ARRAY_SIZE(jobs), .parallel = 2};
    const struct progress_item *it;
    struct stat st;
    char *kept;

    (void)state;
    assert_int_equal(run_quietly(&r), RUNNER_DONE);
    it = r.progress.items;
    assert_int_equal(it[0].result.outcome, OUTCOME_PASSED);
    assert_int_equal((int)it[4].result.clock, 14);
    assert_int_equal(it[1].result.outcome, OUTCOME_FAILED);
    assert_string_equal(it[1].result.reason, "because");
    assert_int_equal(it[2].result.outcome, OUTCOME_HARNESS);
    assert_non_null(strstr(it[2].result.reason, "signal 11"));
    assert_non_null(strstr(it[2].result.report, "last words"));
    assert_int_equal(it[3].result.outcome, OUTCOME_SKIPPED);
    assert_string_equal(it[3].result.reason, "not today");
    kept = xasprintf("%s/2/seen", r.root);
    assert_int_equal(stat(kept, &st), 0);
    free(kept);
    kept = xasprintf("%s/1", r.root);
    assert_int_equal(stat(kept, &st), -1);
    free(kept);
    assert_int_equal(io_remove_tree(r.root, NULL), 0);
    runner_release(&r);
}

static void when_all_pass_nothing_is_left(void **state)
{
    struct runner r = {.run = behave, .jobs = jobs, .n = 1, .parallel = 1};
    struct stat st;

    (void)state;
    assert_int_equal(run_quietly(&r), RUNNER_DONE);
    assert_int_equal(stat(r.root, &st), -1);
    runner_release(&r);
}

/* A runner in a process of its own, so that it can be sent a signal. */
static void an_interrupt_ends_every_child(void **state)
{
    struct runner_job hang = {.path = "1", .title = "hangs", .limit = 60 * NS_PER_S};
    char dir[] = "/tmp/runner-test-XXXXXX";
    int status;
    pid_t pid;

    (void)state;
    assert_non_null(mkdtemp(dir));
    setenv("TMPDIR", dir, 1);
    pid = fork();
    if (pid == 0) {
        struct runner r = {.run = behave, .jobs = &hang, .n = 1, .parallel = 1, .keep = true};

        _exit(run_quietly(&r) == RUNNER_INTERRUPTED ? 42 : 1);
    }
    /* the child's folder shows that it has begun */
    for (int i = 0; i < 500; i++) {
        char *list = xasprintf("ls %s/*/1/seen >/dev/null 2>&1", dir);
        int there = system(list) == 0;

        free(list);
        if (there)
            break;
    }
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 42);
    unsetenv("TMPDIR");
    io_remove_tree(dir, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_of_two_runs_fails_when_it_lived_through_other_things),
        cmocka_unit_test(each_job_is_told_apart_and_only_failures_keep_their_folder),
        cmocka_unit_test(when_all_pass_nothing_is_left),
        cmocka_unit_test(an_interrupt_ends_every_child),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
