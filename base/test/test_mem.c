#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

static void sizes_of_nothing_give_memory(void **state)
{
    void *a = xmalloc(0), *b = xcalloc(0, 8), *c = xcalloc(8, 0), *d = xrealloc(NULL, 0);

    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_non_null(d);
    free(a);
    free(b);
    free(c);
    free(d);
}

static void copies_are_whole_and_terminated(void **state)
{
    char *a = xstrdup("abc"), *b = xstrndup("abc", 2), *c = xstrndup("abc", 9);
    char *d = xmemdup("a\0b", 3), *e = xasprintf("%s-%d", "x", 7), *f = xmemdup("", 0);

    (void)state;
    assert_null(xstrdup(NULL));
    assert_string_equal(a, "abc");
    assert_string_equal(b, "ab");
    assert_string_equal(c, "abc");
    assert_memory_equal(d, "a\0b", 3);
    assert_string_equal(e, "x-7");
    free(a);
    free(b);
    free(c);
    free(d);
    free(e);
    free(f);
}

static void an_array_grows_one_by_one(void **state)
{
    int *p = NULL;
    size_t n = 0, cap = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        grow_array(p, n, cap);
        p[n++] = i;
    }
    assert_true(cap >= 1000 && cap < 2048);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(p[i], i);
    free(p);
}

static void a_struct_is_found_from_its_member(void **state)
{
    struct pair {
        char c;
        long member;
    } *p = new0(struct pair);
    long *zeros = new0_array(long, 3);

    (void)state;
    assert_ptr_equal(container_of(&p->member, struct pair, member), p);
    assert_int_equal(p->member + zeros[0] + zeros[2], 0);
    assert_int_equal(ARRAY_SIZE(((int[]){1, 2, 3})), 3);
    free(p);
    free(zeros);
}

static void too_much(int which)
{
    volatile size_t huge = SIZE_MAX / 4;

    if (which == 0)
        free(xmalloc(huge));
    else if (which == 1)
        free(xcalloc(huge, 8)); /* the product overflows */
    else if (which == 2)
        free(xcalloc(1, huge));
    else
        free(xrealloc(NULL, huge));
}

/* Runs too_much() in a child; what it said is in text. Returns its wait status. */
static int in_child(int which, char *text, size_t room)
{
    int fds[2], status;
    size_t got = 0;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        too_much(which);
        _exit(0);
    }
    close(fds[1]);
    for (ssize_t n; (n = read(fds[0], text + got, room - 1 - got)) > 0;)
        got += (size_t)n;
    text[got] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void when_memory_ends_the_process_says_so_and_aborts(void **state)
{
    (void)state;
    for (int which = 0; which < 4; which++) {
        char text[16384];
        int status = in_child(which, text, sizeof(text));

#ifdef __SANITIZE_ADDRESS__
        /* The sanitizer's allocator may end the process itself, and says so itself. */
        assert_true(status != 0);
#else
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
        assert_non_null(strstr(text, "out of memory: cannot allocate "));
#endif
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_nothing_give_memory),
        cmocka_unit_test(copies_are_whole_and_terminated),
        cmocka_unit_test(an_array_grows_one_by_one),
        cmocka_unit_test(a_struct_is_found_from_its_member),
        cmocka_unit_test(when_memory_ends_the_process_says_so_and_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
