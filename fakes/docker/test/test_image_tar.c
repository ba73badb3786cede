#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/image_tar.h"
#include "fakes/docker/tarball.h"
#include "fakes/docker/test/client.c"

/* What `docker save` of these names is, in a file of its own. */
static int saved(const char *query)
{
    char *path = xasprintf("/images/get?%s", query);
    const struct answer *a = call("GET", path, NULL);
    int fd = tar_temporary(NULL);

    free(path);
    assert_int_equal(a->status, 200);
    assert_true(fd >= 0);
    assert_int_equal(io_write_all(fd, buf_str(&a->body), buf_len(&a->body), NULL), 0);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static void what_is_saved_is_loaded_as_it_was(void **state)
{
    struct docker *d = (struct docker *)engine;
    struct loaded *all = NULL;
    struct err e = ERR_INIT;
    size_t n = 0;
    char *id;
    int fd;

    (void)state;
    control("image", "name", "app:1", "cached", "yes", "layers", "base,app", "cmd", "run me", NULL);
    control("image", "name", "web:2", "cached", "yes", "layers", "base,web", NULL);
    id = xstrdup(json_str(call("GET", "/images/app:1/json", NULL)->json, "Id"));
    fd = saved("names=app:1&names=web:2");
    assert_int_equal(image_tar_read(d, fd, NULL, &all, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_string_equal(all[0].content->id, id);
    assert_int_equal(all[0].content->n_layers, 2);
    assert_string_equal(all[0].tags[0], "app:1");
    assert_string_equal(all[0].content->layers[0].diff_id, all[1].content->layers[0].diff_id);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(all[0].content->config, "Cmd"), 1)), "me");
    loaded_free(all, n);
    close(fd);
    free(id);
}

static void an_archive_that_was_cut_is_refused(void **state)
{
    struct docker *d = (struct docker *)engine;
    struct loaded *all = NULL;
    size_t n = 0;
    off_t size;
    int fd;

    (void)state;
    control("image", "name", "app:1", "cached", "yes", NULL);
    fd = saved("names=app:1");
    size = lseek(fd, 0, SEEK_END);
    for (off_t cut = size - 1; cut > 0; cut -= 700) {
        struct err e = ERR_INIT;

        assert_int_equal(ftruncate(fd, cut), 0);
        lseek(fd, 0, SEEK_SET);
        if (image_tar_read(d, fd, NULL, &all, &n, &e) == 0)
            loaded_free(all, n); /* the end blocks alone may be missing */
        else
            assert_true(e.code != ERR_NONE && *e.text);
    }
    close(fd);
}

static void a_layer_that_is_not_the_one_of_the_configuration_is_refused(void **state)
{
    struct docker *d = (struct docker *)engine;
    struct loaded *all = NULL;
    struct err e = ERR_INIT;
    char block[512], *at;
    size_t n = 0;
    off_t where = 0;
    int fd;

    (void)state;
    control("image", "name", "app:1", "cached", "yes", NULL);
    fd = saved("names=app:1");
    /* the layer's one file has a name; another is another layer */
    while (pread(fd, block, sizeof(block), where) == (ssize_t)sizeof(block)) {
        at = memmem(block, sizeof(block), ".ecsim-layer/", strlen(".ecsim-layer/"));
        if (at == block)
            break;
        where += (off_t)sizeof(block);
    }
    assert_int_equal(pwrite(fd, "X", 1, where + 400), 1);
    lseek(fd, 0, SEEK_SET);
    assert_int_equal(image_tar_read(d, fd, NULL, &all, &n, &e), -1);
    assert_non_null(strstr(e.text, "invalid diffID for layer 0"));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_saved_is_loaded_as_it_was, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(an_archive_that_was_cut_is_refused, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(a_layer_that_is_not_the_one_of_the_configuration_is_refused,
                                        client_begin, client_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
