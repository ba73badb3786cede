/* The commands of the language: fmt, json, doc, schema. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/str.h"
#include "harness/doc.h"
#include "harness/exitcode.h"
#include "harness/fmt.h"
#include "harness/schema.h"
#include "harness/scn.h"
#include "harness/scn_json.h"

#define TEXT_MAX (4u * SCN_FILE_MAX)

static int usage(const char *text)
{
    fputs(text, stderr);
    return EXITCODE_USAGE;
}

static bool is_help(int argc, char **argv)
{
    return argc > 1 && (str_eq(argv[1], "--help") || str_eq(argv[1], "-h"));
}

static int fail(const struct err *e, int code)
{
    fprintf(stderr, "ecsim: %s\n", e->text);
    return code;
}

static int print(const struct buf *out)
{
    struct err e = ERR_INIT;

    if (io_write_all(STDOUT_FILENO, buf_str(out), buf_len(out), &e) < 0)
        return fail(&e, EXITCODE_HARNESS);
    return EXITCODE_PASSED;
}

/* "-" is standard input. */
static int read_input(const char *path, struct buf *out, struct err *e)
{
    if (io_read_file(str_eq(path, "-") ? "/dev/stdin" : path, out, e) < 0)
        return fail(e, EXITCODE_USAGE);
    return EXITCODE_PASSED;
}

static bool is_json(const struct buf *text)
{
    const char *s = buf_str(text);

    return s[strspn(s, " \t\r\n")] == '{';
}

/* Either form into a tree. */
static struct scn *parse_either(const char *path, const struct buf *text)
{
    _cleanup_json_ json_t *v = NULL;
    struct err e = ERR_INIT;
    struct scn *s = NULL;
    struct diag d;

    diag_init(&d);
    if (!is_json(text)) {
        s = scn_parse(path, buf_str(text), buf_len(text), &d);
        fputs(diag_text(&d), stderr);
    } else {
        v = json_read(buf_str(text), buf_len(text), JSON_READ_STRICT, &e);
        s = v ? scn_from_json(path, v, &e) : NULL;
        if (!s)
            fprintf(stderr, "%s: error: %s\n", path, e.text);
    }
    diag_release(&d);
    return s;
}

/* The canonical text, which has to be what it came from. */
static int canonical(const char *path, const struct buf *text, struct buf *out)
{
    _cleanup_scn_ struct scn *s = parse_either(path, text), *again = NULL;
    _cleanup_buf_ struct buf twice = BUF_INIT(TEXT_MAX);
    struct diag d;

    if (!s)
        return EXITCODE_SCENARIO;
    if (fmt_scn(s, out) < 0) {
        fprintf(stderr, "%s: error: too large\n", path);
        return EXITCODE_SCENARIO;
    }
    diag_init(&d);
    again = scn_parse(path, buf_str(out), buf_len(out), &d);
    if (!again || fmt_scn(again, &twice) < 0 || !str_eq(buf_str(&twice), buf_str(out)))
        fprintf(stderr, "%s%s: error: it cannot be written as lines\n", diag_text(&d), path);
    diag_release(&d);
    return again && str_eq(buf_str(&twice), buf_str(out)) ? EXITCODE_PASSED : EXITCODE_SCENARIO;
}

/* -- fmt -- */

enum fmt_mode { FMT_PRINT, FMT_WRITE, FMT_CHECK };

static int rewrite(const char *path, const struct buf *out)
{
    struct stat st;
    struct err e = ERR_INIT;
    mode_t mode = stat(path, &st) ? 0644 : st.st_mode & 07777;

    if (io_write_file(path, buf_str(out), buf_len(out), mode, &e) < 0)
        return fail(&e, EXITCODE_HARNESS);
    return EXITCODE_PASSED;
}

static int fmt_one(const char *path, enum fmt_mode mode)
{
    _cleanup_buf_ struct buf text = BUF_INIT(TEXT_MAX), out = BUF_INIT(TEXT_MAX);
    struct err e = ERR_INIT;
    int r = read_input(path, &text, &e);
    bool same;

    if (!r)
        r = canonical(path, &text, &out);
    if (r)
        return r;
    same = buf_len(&text) == buf_len(&out) && !memcmp(buf_str(&text), buf_str(&out), buf_len(&out));
    if (mode == FMT_PRINT)
        return print(&out);
    if (same)
        return EXITCODE_PASSED;
    if (mode == FMT_WRITE)
        return rewrite(path, &out);
    fprintf(stderr, "%s: not in canonical form; `ecsim fmt -w` writes it\n", path);
    return EXITCODE_FAILED;
}

int cmd_fmt(int argc, char **argv)
{
    static const char text[] =
        "usage: ecsim fmt [-w | --check] FILE...\n"
        "\n"
        "Prints scenarios in their canonical form; a file may be in the JSON form too.\n"
        "  -w       rewrite the files in place\n"
        "  --check  print nothing, exit 1 when a file is not in canonical form\n"
        "FILE may be - for standard input.\n";
    enum fmt_mode mode = FMT_PRINT;
    int i = 1, worst = EXITCODE_PASSED;

    if (is_help(argc, argv)) {
        fputs(text, stdout);
        return EXITCODE_PASSED;
    }
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (str_eq(argv[i], "-w"))
            mode = FMT_WRITE;
        else if (str_eq(argv[i], "--check"))
            mode = FMT_CHECK;
        else
            return usage(text);
    }
    if (i == argc)
        return usage(text);
    for (; i < argc; i++) {
        int r = mode == FMT_WRITE && (str_eq(argv[i], "-") || str_ends(argv[i], ".json"))
                    ? usage("ecsim fmt -w: only .scn files are rewritten\n")
                    : fmt_one(argv[i], mode);

        worst = r > worst ? r : worst;
    }
    return worst;
}

/* -- json -- */

int cmd_json(int argc, char **argv)
{
    static const char text[] =
        "usage: ecsim json FILE\n"
        "\n"
        "Prints the scenario in its JSON form (see `ecsim schema`), without loss:\n"
        "`ecsim fmt FILE.json` turns it back. FILE may be - for standard input.\n";
    _cleanup_buf_ struct buf in = BUF_INIT(TEXT_MAX), out = BUF_INIT(4u * TEXT_MAX);
    _cleanup_free_ char *dump = NULL;
    _cleanup_scn_ struct scn *s = NULL;
    _cleanup_json_ json_t *v = NULL;
    struct err e = ERR_INIT;
    int r;

    if (is_help(argc, argv)) {
        fputs(text, stdout);
        return EXITCODE_PASSED;
    }
    if (argc != 2)
        return usage(text);
    r = read_input(argv[1], &in, &e);
    if (r)
        return r;
    s = parse_either(argv[1], &in);
    if (!s)
        return EXITCODE_SCENARIO;
    v = scn_to_json(s);
    dump = json_dumps(v, JSON_INDENT(2));
    buf_adds(&out, dump ? dump : "");
    buf_addc(&out, '\n');
    return print(&out);
}

/* -- doc, schema -- */

static int print_generated(int argc, char **argv, const char *text, void (*make)(struct buf *))
{
    _cleanup_buf_ struct buf out = BUF_INIT(TEXT_MAX);

    if (is_help(argc, argv)) {
        fputs(text, stdout);
        return EXITCODE_PASSED;
    }
    if (argc != 1)
        return usage(text);
    make(&out);
    return print(&out);
}

int cmd_doc(int argc, char **argv)
{
    return print_generated(argc, argv,
                           "usage: ecsim doc\n\nPrints the reference of the scenario language as "
                           "Markdown.\n",
                           doc_write);
}

int cmd_schema(int argc, char **argv)
{
    return print_generated(argc, argv,
                           "usage: ecsim schema\n\nPrints the JSON Schema of the JSON form of "
                           "scenarios.\n",
                           scn_schema_write);
}
