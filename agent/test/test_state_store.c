#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent/state_store.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define WALL (INT64_C(1795500000) * 1000000000)

static char dir[64];
static char file[96];
static char note[512];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/ecsim-store-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(file, sizeof(file), "%s/agent.db", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return io_remove_tree(dir, NULL);
}

static struct state_store *open_store(void)
{
    struct err e = ERR_INIT;
    struct state_store *s = state_store_open(dir, WALL, note, &e);

    assert_string_equal(e.text, "");
    assert_non_null(s);
    return s;
}

static json_t *object(const char *member, const char *value)
{
    json_t *o = json_object();

    json_put_str(o, member, value);
    return o;
}

static void put_task(struct state_store *s, const char *arn)
{
    json_t *spec = object("arn", arn), *state = object("knownStatus", "RUNNING");

    assert_int_equal(state_store_put_task(s, arn, spec, state, NULL), 0);
    assert_int_equal(state_store_put_container(s, arn, "app", state, NULL), 0);
    json_decref(spec);
    json_decref(state);
}

static char seen[256];

static void collect(const char *arn, json_t *spec, json_t *state, void *user)
{
    size_t n = strlen(seen);

    (void)user;
    snprintf(seen + n, sizeof(seen) - n, "%s:%s:%s ", arn,
             spec ? json_str(spec, "arn") : "unreadable",
             state ? json_str(state, "knownStatus") : "unreadable");
}

/* The number in the id of the only one. */
static void count_image(const char *id, json_t *state, void *user)
{
    assert_string_equal(json_str(state, "knownStatus"), "STOPPED");
    *(int *)user = *(int *)user * 10 + id[strlen(id) - 1] - '0';
}

static void count_container(const char *name, json_t *state, void *user)
{
    assert_string_equal(name, "app");
    assert_string_equal(json_str(state, "knownStatus"), "RUNNING");
    ++*(int *)user;
}

static const char *list_tasks(struct state_store *s)
{
    seen[0] = '\0';
    assert_int_equal(state_store_tasks(s, collect, NULL, NULL), 0);
    return seen;
}

static void what_was_written_is_there_after_reopening(void **state)
{
    struct state_store *s = open_store();
    json_t *stopped = object("knownStatus", "STOPPED"), *c;
    struct stat st;
    int containers = 0, images = 0;
    char *arn;

    (void)state;
    assert_string_equal(note, "");
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(state_store_set(s, STATE_INSTANCE_ARN, "arn:one", NULL), 0);
    assert_int_equal(state_store_set(s, STATE_INSTANCE_ARN, "arn:two", NULL), 0);
    put_task(s, "t2");
    put_task(s, "t1");
    put_task(s, "t3");
    state_store_put_task_state(s, "t1", stopped, NULL);
    state_store_delete_task(s, "t3", NULL);
    state_store_put_image(s, "sha256:1", stopped, NULL);
    state_store_put_image(s, "sha256:2", stopped, NULL);
    state_store_delete_image(s, "sha256:1", NULL);
    state_store_close(s);

    s = open_store();
    arn = state_store_get(s, STATE_INSTANCE_ARN);
    assert_string_equal(arn, "arn:two");
    free(arn);
    assert_null(state_store_get(s, STATE_CLUSTER));
    assert_string_equal(list_tasks(s), "t2:t2:RUNNING t1:t1:STOPPED ");
    c = state_store_container(s, "t2", "app");
    assert_string_equal(json_str(c, "knownStatus"), "RUNNING");
    json_decref(c);
    assert_null(state_store_container(s, "t3", "app"));
    assert_int_equal(state_store_containers(s, "t2", count_container, &containers, NULL), 0);
    assert_int_equal(containers, 1);
    assert_int_equal(state_store_images(s, count_image, &images, NULL), 0);
    assert_int_equal(images, 2);
    assert_int_equal(state_store_reset(s, NULL), 0);
    assert_string_equal(list_tasks(s), "");
    assert_null(state_store_get(s, STATE_INSTANCE_ARN));
    state_store_close(s);
    json_decref(stopped);
}

static void a_batch_is_written_whole_or_not_at_all(void **state)
{
    struct state_store *s = open_store();

    (void)state;
    assert_int_equal(state_store_begin(s, NULL), 0);
    put_task(s, "t1");
    put_task(s, "t2");
    assert_int_equal(state_store_commit(s, NULL), 0);
    assert_int_equal(state_store_begin(s, NULL), 0);
    put_task(s, "t3");
    state_store_rollback(s);
    state_store_rollback(s); /* nothing left to undo */
    assert_int_equal(state_store_begin(s, NULL), 0);
    put_task(s, "t4");
    state_store_close(s); /* as after a kill: nobody committed */
    s = open_store();
    assert_string_equal(list_tasks(s), "t1:t1:RUNNING t2:t2:RUNNING ");
    state_store_close(s);
}

/* No file of this process may grow: what a full disk does to it. */
static void limit_files(rlim_t bytes)
{
    struct rlimit r;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = bytes == RLIM_INFINITY ? r.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static int try_write(struct state_store *s, struct err *e)
{
    json_t *spec = object("arn", "t2"), *st = object("knownStatus", "RUNNING");
    int r = -1;

    if (state_store_begin(s, e) == 0) {
        r = state_store_put_task(s, "t2", spec, st, e);
        if (r < 0)
            state_store_rollback(s);
        else
            r = state_store_commit(s, e);
    }
    json_decref(spec);
    json_decref(st);
    return r;
}

static void a_full_disk_is_an_error_that_passes(void **state)
{
    struct state_store *s = open_store();
    struct err e = ERR_INIT;
    int r;

    (void)state;
    put_task(s, "t1");
    limit_files(1);
    r = try_write(s, &e);
    limit_files(RLIM_INFINITY);
    assert_int_equal(r, -1);
    assert_int_equal(e.code, ERR_SYS);
    assert_string_equal(list_tasks(s), "t1:t1:RUNNING ");
    put_task(s, "t3");
    state_store_close(s);
    s = open_store();
    assert_string_equal(list_tasks(s), "t1:t1:RUNNING t3:t3:RUNNING ");
    state_store_close(s);
}

static size_t files_named_corrupt(void)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    size_t n = 0;

    while ((entry = readdir(d)))
        n += strstr(entry->d_name, "agent.db.corrupt-") != NULL;
    closedir(d);
    return n;
}

static void garbage_is_moved_aside_and_the_agent_starts_anew(void **state)
{
    char garbage[5000];
    struct state_store *s;

    (void)state;
    memset(garbage, 'x', sizeof(garbage));
    assert_int_equal(io_write_file(file, garbage, sizeof(garbage), 0600, NULL), 0);
    s = open_store();
    assert_non_null(strstr(note, "not readable"));
    assert_int_equal(files_named_corrupt(), 1);
    assert_string_equal(list_tasks(s), "");
    put_task(s, "t1");
    state_store_close(s);
    s = open_store();
    assert_string_equal(note, "");
    assert_string_equal(list_tasks(s), "t1:t1:RUNNING ");
    state_store_close(s);
}

static void a_damaged_page_counts_as_garbage(void **state)
{
    struct state_store *s = open_store();
    struct buf b = BUF_INIT(1u << 20);

    (void)state;
    put_task(s, "t1");
    state_store_close(s);
    assert_int_equal(io_read_file(file, &b, NULL), 0);
    memset(buf_data(&b) + 4096, 0xff, buf_len(&b) - 4096);
    assert_int_equal(io_write_file(file, buf_str(&b), buf_len(&b), 0600, NULL), 0);
    buf_release(&b);
    s = open_store();
    assert_non_null(strstr(note, "not readable"));
    state_store_close(s);
}

static void an_empty_file_is_a_new_one_and_is_mentioned(void **state)
{
    struct state_store *s;

    (void)state;
    assert_int_equal(io_write_file(file, "", 0, 0600, NULL), 0);
    s = open_store();
    assert_non_null(strstr(note, "is empty"));
    assert_int_equal(files_named_corrupt(), 0);
    state_store_close(s);
}

static void run_sql(const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    state_store_close(open_store());
    run_sql("PRAGMA user_version = 99");
    assert_null(state_store_open(dir, WALL, note, &e));
    assert_int_equal(e.code, ERR_USAGE);
    assert_non_null(strstr(e.text, "newer agent"));
    assert_int_equal(files_named_corrupt(), 0);
}

static void collect_attachment(const char *arn, json_t *state, void *user)
{
    (void)user;
    snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s:%s ", arn,
             json_str(state, "macAddress"));
}

static void attachments_are_kept_and_older_schemas_get_a_place_for_them(void **state)
{
    struct state_store *s = open_store();
    json_t *a = object("macAddress", "0a:1b");

    (void)state;
    put_task(s, "t1");
    state_store_close(s);
    run_sql("DROP TABLE attachment; PRAGMA user_version = 2");
    s = open_store();
    assert_string_equal(list_tasks(s), "t1:t1:RUNNING ");
    assert_int_equal(state_store_put_attachment(s, "arn:1", a, NULL), 0);
    assert_int_equal(state_store_put_attachment(s, "arn:2", a, NULL), 0);
    assert_int_equal(state_store_put_attachment(s, "arn:2", a, NULL), 0);
    assert_int_equal(state_store_delete_attachment(s, "arn:1", NULL), 0);
    state_store_close(s);
    s = open_store();
    seen[0] = '\0';
    assert_int_equal(state_store_attachments(s, collect_attachment, NULL, NULL), 0);
    assert_string_equal(seen, "arn:2:0a:1b ");
    assert_int_equal(state_store_reset(s, NULL), 0);
    seen[0] = '\0';
    assert_int_equal(state_store_attachments(s, collect_attachment, NULL, NULL), 0);
    assert_string_equal(seen, "");
    state_store_close(s);
    json_decref(a);
}

static void a_record_that_is_not_json_does_not_stop_the_others(void **state)
{
    struct state_store *s = open_store();

    (void)state;
    put_task(s, "t1");
    put_task(s, "t2");
    state_store_close(s);
    run_sql("UPDATE task SET spec = '{' WHERE arn = 't1'; UPDATE container SET state = 'x'");
    s = open_store();
    assert_string_equal(list_tasks(s), "t1:unreadable:RUNNING t2:t2:RUNNING ");
    assert_null(state_store_container(s, "t2", "app"));
    state_store_close(s);
}

static void a_second_agent_is_kept_out(void **state)
{
    struct state_store *s = open_store();
    struct err e = ERR_INIT;

    (void)state;
    assert_null(state_store_open(dir, WALL, note, &e));
    assert_int_equal(e.code, ERR_CONFLICT);
    assert_non_null(strstr(e.text, "another agent"));
    state_store_close(s);
}

static void a_missing_folder_is_an_error(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_null(state_store_open("/nonexistent/folder", WALL, note, &e));
    assert_int_equal(e.code, ERR_SYS);
    assert_null(state_store_open("/proc/self/status", WALL, note, &e));
}

static void without_a_store_nothing_is_kept_and_nothing_fails(void **state)
{
    (void)state;
    assert_int_equal(state_store_set(NULL, "a", "b", NULL), 0);
    assert_null(state_store_get(NULL, "a"));
    assert_int_equal(state_store_begin(NULL, NULL), 0);
    assert_int_equal(state_store_commit(NULL, NULL), 0);
    assert_int_equal(state_store_delete_task(NULL, "t", NULL), 0);
    assert_int_equal(state_store_tasks(NULL, collect, NULL, NULL), 0);
    assert_null(state_store_container(NULL, "t", "c"));
    assert_int_equal(state_store_images(NULL, count_image, NULL, NULL), 0);
    assert_int_equal(state_store_reset(NULL, NULL), 0);
    state_store_close(NULL);
}

int main(void)
{
#define WITH_DIR(fn) cmocka_unit_test_setup_teardown(fn, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        WITH_DIR(what_was_written_is_there_after_reopening),
        WITH_DIR(a_batch_is_written_whole_or_not_at_all),
        WITH_DIR(a_full_disk_is_an_error_that_passes),
        WITH_DIR(garbage_is_moved_aside_and_the_agent_starts_anew),
        WITH_DIR(a_damaged_page_counts_as_garbage),
        WITH_DIR(an_empty_file_is_a_new_one_and_is_mentioned),
        WITH_DIR(attachments_are_kept_and_older_schemas_get_a_place_for_them),
        WITH_DIR(a_newer_schema_is_refused_and_left_alone),
        WITH_DIR(a_record_that_is_not_json_does_not_stop_the_others),
        WITH_DIR(a_second_agent_is_kept_out),
        cmocka_unit_test(a_missing_folder_is_an_error),
        cmocka_unit_test(without_a_store_nothing_is_kept_and_nothing_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
