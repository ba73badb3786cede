#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "agent/state_store.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

enum statement {
    GET,
    SET,
    PUT_TASK,
    PUT_TASK_STATE,
    PUT_CONTAINER,
    DELETE_TASK,
    DELETE_CONTAINERS,
    PUT_IMAGE,
    DELETE_IMAGE,
    IMAGES,
    PUT_ATTACHMENT,
    DELETE_ATTACHMENT,
    ATTACHMENTS,
    TASKS,
    CONTAINER,
    CONTAINERS,
    BEGIN,
    COMMIT,
    STATEMENT_MAX
};

static const char *const sql[STATEMENT_MAX] = {
    [GET] = "SELECT value FROM metadata WHERE key = ?1",
    [SET] = "INSERT OR REPLACE INTO metadata (key, value) VALUES (?1, ?2)",
    [PUT_TASK] = ("INSERT INTO task (arn, spec, state) VALUES (?1, ?2, ?3) "
                  "ON CONFLICT (arn) DO UPDATE SET spec = ?2, state = ?3"),
    [PUT_TASK_STATE] = "UPDATE task SET state = ?2 WHERE arn = ?1",
    [PUT_CONTAINER] = "INSERT OR REPLACE INTO container (arn, name, state) VALUES (?1, ?2, ?3)",
    [DELETE_TASK] = "DELETE FROM task WHERE arn = ?1",
    [DELETE_CONTAINERS] = "DELETE FROM container WHERE arn = ?1",
    [PUT_IMAGE] = ("INSERT INTO image (id, state) VALUES (?1, ?2) "
                   "ON CONFLICT (id) DO UPDATE SET state = ?2"),
    [DELETE_IMAGE] = "DELETE FROM image WHERE id = ?1",
    [IMAGES] = "SELECT id, state FROM image ORDER BY rowid",
    [PUT_ATTACHMENT] = "INSERT OR REPLACE INTO attachment (arn, state) VALUES (?1, ?2)",
    [DELETE_ATTACHMENT] = "DELETE FROM attachment WHERE arn = ?1",
    [ATTACHMENTS] = "SELECT arn, state FROM attachment",
    [TASKS] = "SELECT arn, spec, state FROM task ORDER BY id",
    [CONTAINER] = "SELECT state FROM container WHERE arn = ?1 AND name = ?2",
    [CONTAINERS] = "SELECT name, state FROM container WHERE arn = ?1",
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
};

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE metadata (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE task (id INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, spec TEXT NOT NULL,"
    " state TEXT NOT NULL);"
    "CREATE TABLE container (arn TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,"
    " PRIMARY KEY (arn, name)) WITHOUT ROWID;"
    "CREATE TABLE image (id TEXT PRIMARY KEY, state TEXT NOT NULL);"
    "CREATE TABLE attachment (arn TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 3;"
    "COMMIT;";

/* What schema 1 knew of images is not enough to clean them up: they are found again when used. */
static const char upgrade_1[] = "BEGIN IMMEDIATE;"
                                "DROP TABLE image;"
                                "CREATE TABLE image (id TEXT PRIMARY KEY, state TEXT NOT NULL);"
                                "PRAGMA user_version = 2;"
                                "COMMIT;";

static const char upgrade_2[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE attachment (arn TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 3;"
    "COMMIT;";

/* Records larger than this are not read back: nothing the agent writes comes near. */
#define RECORD_MAX (8u << 20)

struct state_store {
    sqlite3 *db;
    sqlite3_stmt *stmts[STATEMENT_MAX];
};

/* ---- opening ---- */

static bool is_garbage(int rc)
{
    return (rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_CORRUPT;
}

static int fail(struct state_store *s, struct err *e, const char *doing)
{
    int rc = sqlite3_extended_errcode(s->db);

    if ((rc & 0xff) == SQLITE_BUSY)
        return err_set(e, ERR_CONFLICT, "%s: another agent has it open", doing);
    return err_set(e, ERR_SYS, "%s: %s", doing, sqlite3_errmsg(s->db));
}

static int take_integer(void *ret, int n, char **values, char **names)
{
    (void)names;
    return n == 1 && values[0] ? str_i64(values[0], ret) : -1;
}

static int take_text(void *ret, int n, char **values, char **names)
{
    (void)names;
    if (n == 1 && values[0] && !*(char **)ret)
        *(char **)ret = xstrdup(values[0]);
    return 0;
}

/* SQLITE_OK, or what is wrong. */
static int prepare_all(struct state_store *s)
{
    for (int i = 0; i < STATEMENT_MAX; i++) {
        int rc =
            sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->stmts[i], NULL);

        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

/* Opens and checks; *ret_version is the schema found. SQLITE_OK, or what is wrong. */
static int open_db(struct state_store *s, const char *path, int64_t *ret_version)
{
    _cleanup_free_ char *verdict = NULL;
    int rc = sqlite3_open_v2(path, &s->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_EXRESCODE,
                             NULL);

    if (rc != SQLITE_OK)
        return rc;
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, RECORD_MAX);
    /* the lock that keeps a second agent out, and no shared memory beside the file */
    rc = sqlite3_exec(s->db,
                      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                      "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -256;"
                      "PRAGMA temp_store = MEMORY; BEGIN IMMEDIATE; COMMIT;",
                      NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_exec(s->db, "PRAGMA quick_check(1)", take_text, &verdict, NULL);
    if (rc != SQLITE_OK)
        return rc;
    if (!str_eq(verdict, "ok"))
        return SQLITE_CORRUPT;
    rc = sqlite3_exec(s->db, "PRAGMA user_version", take_integer, ret_version, NULL);
    if (rc == SQLITE_OK && *ret_version == 0)
        rc = sqlite3_exec(s->db, schema, NULL, NULL, NULL);
    if (rc == SQLITE_OK && *ret_version == 1)
        rc = sqlite3_exec(s->db, upgrade_1, NULL, NULL, NULL);
    if (rc == SQLITE_OK && (*ret_version == 1 || *ret_version == 2))
        rc = sqlite3_exec(s->db, upgrade_2, NULL, NULL, NULL);
    if (rc != SQLITE_OK || *ret_version > STATE_SCHEMA)
        return rc;
    return prepare_all(s);
}

static void close_db(struct state_store *s)
{
    for (int i = 0; i < STATEMENT_MAX; i++) {
        sqlite3_finalize(s->stmts[i]);
        s->stmts[i] = NULL;
    }
    sqlite3_close(s->db);
    s->db = NULL;
}

/* Renames the file to <path>.corrupt-<time>; its journal would spoil the next one. */
static int move_aside(const char *path, int64_t wall, char note[512], struct err *e)
{
    static const char *const tails[] = {"-wal", "-shm", "-journal"};
    _cleanup_free_ char *aside = NULL;
    char stamp[40];

    str_format_time(wall, 0, stamp);
    aside = xasprintf("%s.corrupt-%s", path, stamp);
    if (rename(path, aside) < 0)
        return err_sys(e, errno, "moving the broken state file %s aside", path);
    for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
        _cleanup_free_ char *old = xasprintf("%s%s", path, tails[i]);

        unlink(old);
    }
    snprintf(note, 512,
             "The state file %.180s is not readable; it was moved to %.220s and the agent starts "
             "as a new one",
             path, aside);
    return 0;
}

/* An existing folder, and a file that only the owner may read. */
static int check_place(const char *dir, const char *path, char note[512], struct err *e)
{
    struct stat st;
    _cleanup_close_ int fd = -1;

    if (stat(dir, &st) < 0)
        return err_sys(e, errno, "the data folder %s", dir);
    if (!S_ISDIR(st.st_mode))
        return err_set(e, ERR_SYS, "the data folder %s is not a folder", dir);
    if (stat(path, &st) == 0 && st.st_size == 0)
        snprintf(note, 512, "The state file %.180s is empty: the agent starts as a new one", path);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, errno, "opening the state file %s", path);
    return 0;
}

struct state_store *state_store_open(const char *dir, int64_t wall, char note[512], struct err *e)
{
    _cleanup_free_ char *path = xasprintf("%s/agent.db", dir);
    struct state_store *s = new0(struct state_store);
    int64_t version = 0;
    int rc;

    note[0] = '\0';
    if (check_place(dir, path, note, e) < 0) {
        free(s);
        return NULL;
    }
    rc = open_db(s, path, &version);
    if (is_garbage(rc)) {
        close_db(s);
        if (move_aside(path, wall, note, e) < 0 || check_place(dir, path, note, e) < 0) {
            free(s);
            return NULL;
        }
        version = 0;
        rc = open_db(s, path, &version);
    }
    if (rc != SQLITE_OK) {
        fail(s, e, "opening the state file");
        err_wrap(e, "%s", path);
    } else if (version > STATE_SCHEMA) {
        rc = SQLITE_ERROR;
        err_set(e, ERR_USAGE,
                "%s was written by a newer agent (schema %lld, this one knows %d): not touched",
                path, (long long)version, STATE_SCHEMA);
    }
    if (rc == SQLITE_OK)
        return s;
    close_db(s);
    free(s);
    return NULL;
}

void state_store_close(struct state_store *s)
{
    if (!s)
        return;
    close_db(s);
    free(s);
}

/* ---- statements ---- */

/* Binds texts in order; the statement is reset by run() or by the reader. */
static sqlite3_stmt *bind(struct state_store *s, enum statement which, const char *a, const char *b,
                          const char *c)
{
    const char *texts[] = {a, b, c};
    sqlite3_stmt *st = s->stmts[which];

    for (int i = 0; i < 3; i++)
        if (texts[i])
            sqlite3_bind_text(st, i + 1, texts[i], -1, SQLITE_STATIC);
    return st;
}

static int run(struct state_store *s, sqlite3_stmt *st, struct err *e, const char *doing)
{
    int rc = sqlite3_step(st), r = 0;

    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        r = fail(s, e, doing);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return r;
}

char *state_store_get(struct state_store *s, const char *key)
{
    sqlite3_stmt *st;
    char *value = NULL;

    if (!s)
        return NULL;
    st = bind(s, GET, key, NULL, NULL);
    if (sqlite3_step(st) == SQLITE_ROW)
        value = xstrdup((const char *)sqlite3_column_text(st, 0));
    sqlite3_reset(st);
    return value;
}

int state_store_set(struct state_store *s, const char *key, const char *value, struct err *e)
{
    return s ? run(s, bind(s, SET, key, value, NULL), e, "saving metadata") : 0;
}

int state_store_put_task(struct state_store *s, const char *arn, const json_t *spec,
                         const json_t *state, struct err *e)
{
    _cleanup_free_ char *a = NULL, *b = NULL;

    if (!s)
        return 0;
    a = json_text(spec);
    b = json_text(state);
    return run(s, bind(s, PUT_TASK, arn, a, b), e, "saving a task");
}

int state_store_put_task_state(struct state_store *s, const char *arn, const json_t *state,
                               struct err *e)
{
    _cleanup_free_ char *text = NULL;

    if (!s)
        return 0;
    text = json_text(state);
    return run(s, bind(s, PUT_TASK_STATE, arn, text, NULL), e, "saving a task");
}

int state_store_put_container(struct state_store *s, const char *arn, const char *name,
                              const json_t *state, struct err *e)
{
    _cleanup_free_ char *text = NULL;

    if (!s)
        return 0;
    text = json_text(state);
    return run(s, bind(s, PUT_CONTAINER, arn, name, text), e, "saving a container");
}

int state_store_delete_task(struct state_store *s, const char *arn, struct err *e)
{
    if (!s)
        return 0;
    if (state_store_begin(s, e) < 0)
        return -1;
    if (run(s, bind(s, DELETE_CONTAINERS, arn, NULL, NULL), e, "forgetting a task") < 0 ||
        run(s, bind(s, DELETE_TASK, arn, NULL, NULL), e, "forgetting a task") < 0) {
        state_store_rollback(s);
        return -1;
    }
    return state_store_commit(s, e);
}

int state_store_begin(struct state_store *s, struct err *e)
{
    return s ? run(s, s->stmts[BEGIN], e, "beginning to save") : 0;
}

int state_store_commit(struct state_store *s, struct err *e)
{
    if (!s || run(s, s->stmts[COMMIT], e, "saving") == 0)
        return 0;
    state_store_rollback(s);
    return -1;
}

/* SQLite may have rolled back by itself (disk full): then there is nothing left to do. */
void state_store_rollback(struct state_store *s)
{
    if (s && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int state_store_put_image(struct state_store *s, const char *id, const json_t *state, struct err *e)
{
    _cleanup_free_ char *text = NULL;

    if (!s)
        return 0;
    text = json_text(state);
    return run(s, bind(s, PUT_IMAGE, id, text, NULL), e, "saving an image");
}

int state_store_delete_image(struct state_store *s, const char *id, struct err *e)
{
    return s ? run(s, bind(s, DELETE_IMAGE, id, NULL, NULL), e, "forgetting an image") : 0;
}

int state_store_put_attachment(struct state_store *s, const char *arn, const json_t *state,
                               struct err *e)
{
    _cleanup_free_ char *text = NULL;

    if (!s)
        return 0;
    text = json_text(state);
    return run(s, bind(s, PUT_ATTACHMENT, arn, text, NULL), e, "saving an attachment");
}

int state_store_delete_attachment(struct state_store *s, const char *arn, struct err *e)
{
    return s ? run(s, bind(s, DELETE_ATTACHMENT, arn, NULL, NULL), e, "forgetting an attachment")
             : 0;
}

/* ---- reading tasks ---- */

static json_t *column_json(sqlite3_stmt *st, int column)
{
    const char *text = (const char *)sqlite3_column_text(st, column);

    if (!text)
        return NULL;
    return json_read(text, (size_t)sqlite3_column_bytes(st, column), JSON_READ_PEER, NULL);
}

int state_store_tasks(struct state_store *s, state_task_fn fn, void *user, struct err *e)
{
    sqlite3_stmt *st;
    int rc;

    if (!s)
        return 0;
    st = s->stmts[TASKS];
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        _cleanup_json_ json_t *spec = column_json(st, 1);
        _cleanup_json_ json_t *state = column_json(st, 2);

        fn((const char *)sqlite3_column_text(st, 0), spec, state, user);
    }
    if (rc != SQLITE_DONE)
        fail(s, e, "reading the saved tasks");
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? 0 : -1;
}

json_t *state_store_container(struct state_store *s, const char *arn, const char *name)
{
    sqlite3_stmt *st;
    json_t *state = NULL;

    if (!s)
        return NULL;
    st = bind(s, CONTAINER, arn, name, NULL);
    if (sqlite3_step(st) == SQLITE_ROW)
        state = column_json(st, 0);
    sqlite3_reset(st);
    return state;
}

/* fn for each row whose second column is JSON. */
static int each_state(struct state_store *s, sqlite3_stmt *st, const char *doing, state_row_fn fn,
                      void *user, struct err *e)
{
    int rc;

    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        _cleanup_json_ json_t *state = column_json(st, 1);

        if (state)
            fn((const char *)sqlite3_column_text(st, 0), state, user);
    }
    if (rc != SQLITE_DONE)
        fail(s, e, doing);
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? 0 : -1;
}

int state_store_containers(struct state_store *s, const char *arn, state_row_fn fn, void *user,
                           struct err *e)
{
    if (!s)
        return 0;
    return each_state(s, bind(s, CONTAINERS, arn, NULL, NULL), "reading the saved containers", fn,
                      user, e);
}

int state_store_images(struct state_store *s, state_row_fn fn, void *user, struct err *e)
{
    return s ? each_state(s, s->stmts[IMAGES], "reading the saved images", fn, user, e) : 0;
}

int state_store_attachments(struct state_store *s, state_row_fn fn, void *user, struct err *e)
{
    return s ? each_state(s, s->stmts[ATTACHMENTS], "reading the saved attachments", fn, user, e)
             : 0;
}

int state_store_reset(struct state_store *s, struct err *e)
{
    if (!s)
        return 0;
    if (sqlite3_exec(s->db,
                     "BEGIN IMMEDIATE; DELETE FROM task; DELETE FROM container;"
                     "DELETE FROM image; DELETE FROM attachment; DELETE FROM metadata; COMMIT;",
                     NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    fail(s, e, "forgetting the saved state");
    state_store_rollback(s);
    return -1;
}
