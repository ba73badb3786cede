#include "fakes/docker/command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define COMMAND_MAX (128u << 10)

static const char *blanks(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

/* \n, \t, \\; and a newline at the end, unless it is empty or has one. */
static char *text_of(const char *s)
{
    struct buf b = BUF_INIT(1 << 20);
    size_t n = strlen(s);

    while (n && isspace((unsigned char)s[n - 1]))
        n--;
    for (size_t i = 0; i < n; i++) {
        static const char from[] = "nt\\", to[] = "\n\t\\";
        const char *at = s[i] == '\\' && i + 1 < n ? strchr(from, s[i + 1]) : NULL;

        buf_addc(&b, at ? to[at - from] : s[i]);
        i += at != NULL;
    }
    if (buf_len(&b) && buf_str(&b)[buf_len(&b) - 1] != '\n')
        buf_addc(&b, '\n');
    return buf_steal(&b, NULL);
}

void command_rule_release(struct command_rule *r)
{
    free(r->out);
    free(r->err);
}

/* The options in front of the text; -1: one of them is wrong. */
static int read_effect(const char *s, struct command_rule *r)
{
    for (s = blanks(s); *s; s = blanks(s)) {
        size_t n = strcspn(s, " \t\n");
        char *word = xstrndup(s, n);
        const char *v;
        uint64_t code;
        int bad = 0;

        if ((v = str_after(word, "exit="))) {
            bad = str_u64(v, 255, &code);
            r->exit_code = bad ? 0 : (int)code;
        } else if ((v = str_after(word, "after="))) {
            bad = str_duration(v, &r->after) < 0 || r->after < 0 ? -1 : 0;
        } else if (str_eq(word, "stdin")) {
            r->echo = true;
        } else if ((v = str_after(s, "stderr="))) {
            r->err = text_of(v);
        } else {
            v = str_after(s, "stdout=");
            r->out = text_of(v ? v : s);
        }
        free(word);
        if (bad || r->out || r->err)
            return bad;
        s += n;
    }
    return 0;
}

/* One rule: its command to be freed; NULL: it is none. */
static char *read_rule(const char *s, size_t n, struct command_rule *r)
{
    char *rule = xstrndup(s, n), *arrow = strstr(rule, "=>"), *command = NULL;

    *r = (struct command_rule){0};
    if (arrow) {
        const char *from = blanks(rule);
        size_t len = from < arrow ? (size_t)(arrow - from) : 0;

        while (len && isspace((unsigned char)from[len - 1]))
            len--;
        if (len && read_effect(arrow + 2, r) == 0)
            command = xstrndup(from, len);
        else
            command_rule_release(r);
    }
    free(rule);
    return command;
}

static size_t rule_length(const char *s)
{
    const char *end = strstr(s, ";;");

    return end ? (size_t)(end - s) : strlen(s);
}

bool commands_valid(const char *s)
{
    bool any = false;

    for (s = blanks(s); *s; s = blanks(s)) {
        size_t n = rule_length(s);
        struct command_rule r;
        char *command = read_rule(s, n, &r);

        if (!command)
            return false;
        free(command);
        command_rule_release(&r);
        any = true;
        s += n + (s[n] ? 2 : 0);
    }
    return any;
}

static bool shell(const char *word)
{
    const char *base = strrchr(word, '/');

    base = base ? base + 1 : word;
    return str_eq(base, "sh") || str_eq(base, "bash") || str_eq(base, "ash");
}

bool command_find(const char *rules, const char *const *argv, size_t n, struct command_rule *ret)
{
    struct buf line = BUF_INIT(COMMAND_MAX);
    bool found = false;

    for (size_t i = 0; i < n; i++)
        buf_addf(&line, "%s%s", i ? " " : "", argv[i]);
    for (const char *s = blanks(rules ? rules : ""); *s && !found; s = blanks(s)) {
        size_t len = rule_length(s);
        char *command = read_rule(s, len, ret);

        found = command &&
                (str_glob(command, buf_str(&line)) ||
                 (n == 3 && shell(argv[0]) && str_eq(argv[1], "-c") && str_glob(command, argv[2])));
        if (command && !found)
            command_rule_release(ret);
        free(command);
        s += len + (s[len] ? 2 : 0);
    }
    buf_release(&line);
    return found;
}
