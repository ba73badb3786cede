#include "fakes/ecs/query.h"

#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/launch.h"

enum op {
    OP_EQ,
    OP_NE,
    OP_GT,
    OP_GE,
    OP_LT,
    OP_LE,
    OP_LIKE,
    OP_UNLIKE,
    OP_IN,
    OP_NOT_IN,
    OP_EXISTS,
    OP_ABSENT
};

enum kind { QUERY_AND, QUERY_OR, QUERY_NOT, QUERY_TEST };

struct query {
    enum kind kind;
    struct query *a, *b; /* AND, OR: both; NOT: a */
    char *subject;
    enum op op;
    char **values;
    size_t n_values, cap_values;
    regex_t like;
    bool has_like;
};

static const struct {
    const char *word;
    enum op op;
} operators[] = {
    /* the longer ones first: a word is tried as a prefix when it is made of signs */
    {"==", OP_EQ},
    {"!=", OP_NE},
    {">=", OP_GE},
    {"<=", OP_LE},
    {"=~", OP_LIKE},
    {"!~", OP_UNLIKE},
    {">", OP_GT},
    {"<", OP_LT},
    {"equals", OP_EQ},
    {"not_equals", OP_NE},
    {"greater_than_equals", OP_GE},
    {"greater_than", OP_GT},
    {"less_than_equals", OP_LE},
    {"less_than", OP_LT},
    {"matches", OP_LIKE},
    {"not_matches", OP_UNLIKE},
    {"in", OP_IN},
    {"not_in", OP_NOT_IN},
    {"!in", OP_NOT_IN},
    {"exists", OP_EXISTS},
    {"not_exists", OP_ABSENT},
    {"!exists", OP_ABSENT},
};

struct scan {
    const char *start, *at;
    int depth;
    struct err *e;
};

static void *expected(const struct scan *s, const char *what)
{
    err_set(s->e, ERR_PARSE, "expected %s at character %d", what, (int)(s->at - s->start) + 1);
    return NULL;
}

static void skip(struct scan *s)
{
    while (isspace((unsigned char)*s->at))
        s->at++;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("-_.:/*+?^$\\|@#%", c));
}

/* True, and past it, when the keyword comes next: signs as they are, a word as a whole one. */
static bool take(struct scan *s, const char *keyword)
{
    size_t n = strlen(keyword);

    skip(s);
    if (strncasecmp(s->at, keyword, n) ||
        (isalpha((unsigned char)keyword[n - 1]) && is_word(s->at[n])))
        return false;
    s->at += n;
    return true;
}

static char *take_value(struct scan *s)
{
    const char *from;
    int open = 0;
    size_t n;

    skip(s);
    if (*s->at == '"' || *s->at == '\'') {
        char quote = *s->at;

        from = ++s->at;
        n = strcspn(from, quote == '"' ? "\"" : "'");
        if (!from[n])
            return expected(s, "the end of a quoted text");
        s->at += n + 1;
        return xstrndup(from, n);
    }
    /* brackets belong to a value that they stand in: t2.(small|large) */
    for (from = s->at; is_word(*s->at) || *s->at == '(' || (*s->at == ')' && open); s->at++)
        open += (*s->at == '(') - (*s->at == ')');
    if (s->at == from)
        return expected(s, "a value");
    return xstrndup(from, (size_t)(s->at - from));
}

void query_free(struct query *q)
{
    if (!q)
        return;
    query_free(q->a);
    query_free(q->b);
    free(q->subject);
    for (size_t i = 0; i < q->n_values; i++)
        free(q->values[i]);
    free(q->values);
    if (q->has_like)
        regfree(&q->like);
    free(q);
}

static struct query *node(enum kind kind, struct query *a, struct query *b)
{
    struct query *q = new0(struct query);

    q->kind = kind;
    q->a = a;
    q->b = b;
    return q;
}

static int add_value(struct scan *s, struct query *q)
{
    char *v = take_value(s);

    if (!v)
        return -1;
    grow_array(q->values, q->n_values, q->cap_values);
    q->values[q->n_values++] = v;
    return 0;
}

static int read_values(struct scan *s, struct query *q)
{
    if (q->op == OP_EXISTS || q->op == OP_ABSENT)
        return 0;
    if (q->op != OP_IN && q->op != OP_NOT_IN) {
        if (add_value(s, q) < 0)
            return -1;
        if (q->op != OP_LIKE && q->op != OP_UNLIKE)
            return 0;
        /* repetitions are where the library's memory has no limit */
        if (strchr(q->values[0], '{') ||
            regcomp(&q->like, q->values[0], REG_EXTENDED | REG_NOSUB)) {
            expected(s, "a regular expression without {}");
            return -1;
        }
        q->has_like = true;
        return 0;
    }
    if (!take(s, "[")) {
        expected(s, "\"[\"");
        return -1;
    }
    do {
        if (add_value(s, q) < 0)
            return -1;
    } while (take(s, ","));
    if (take(s, "]"))
        return 0;
    expected(s, "\",\" or \"]\"");
    return -1;
}

static bool is_subject(const char *s)
{
    static const char *const words[] = {"agentConnected", "agentVersion",      "ec2InstanceId",
                                        "registeredAt",   "runningTasksCount", "task:group"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_eq(s, words[i]))
            return true;
    return str_starts(s, "attribute:") && s[strlen("attribute:")];
}

static struct query *read_test(struct scan *s)
{
    struct query *q = node(QUERY_TEST, NULL, NULL);
    bool found = false;

    q->subject = take_value(s);
    if (q->subject && !is_subject(q->subject))
        expected(s, "attribute:NAME, task:group or a field of a container instance");
    else if (q->subject) {
        for (size_t i = 0; i < ARRAY_SIZE(operators) && !found; i++)
            if (take(s, operators[i].word)) {
                q->op = operators[i].op;
                found = true;
            }
        if (!found)
            expected(s, "an operator");
        else if (read_values(s, q) == 0)
            return q;
    }
    query_free(q);
    return NULL;
}

static struct query *read_or(struct scan *s);

static struct query *read_not(struct scan *s)
{
    struct query *q;

    if (++s->depth > QUERY_DEPTH_MAX)
        return expected(s, "fewer brackets");
    if (take(s, "not") || take(s, "!")) {
        q = read_not(s);
        q = q ? node(QUERY_NOT, q, NULL) : NULL;
    } else if (take(s, "(")) {
        q = read_or(s);
        if (q && !take(s, ")")) {
            query_free(q);
            q = expected(s, "\")\"");
        }
    } else {
        q = read_test(s);
    }
    s->depth--;
    return q;
}

static struct query *read_and(struct scan *s)
{
    struct query *a = read_not(s), *b;

    while (a && (take(s, "and") || take(s, "&&"))) {
        b = read_not(s);
        if (!b) {
            query_free(a);
            return NULL;
        }
        a = node(QUERY_AND, a, b);
    }
    return a;
}

static struct query *read_or(struct scan *s)
{
    struct query *a = read_and(s), *b;

    while (a && (take(s, "or") || take(s, "||"))) {
        b = read_and(s);
        if (!b) {
            query_free(a);
            return NULL;
        }
        a = node(QUERY_OR, a, b);
    }
    return a;
}

struct query *query_parse(const char *text, struct err *e)
{
    struct scan s = {.start = text, .at = text, .e = e};
    struct query *q;

    if (!text || !*text || strlen(text) > QUERY_LENGTH_MAX) {
        err_set(e, ERR_PARSE, "an expression has 1 to %d characters", QUERY_LENGTH_MAX);
        return NULL;
    }
    q = read_or(&s);
    skip(&s);
    if (q && *s.at) {
        query_free(q);
        return expected(&s, "\"and\", \"or\" or the end");
    }
    return q;
}

/* --- does it match? -------------------------------------------------------------------- */

/* Runs of digits compare as numbers, the rest byte by byte: 1.105.1 is above 1.70.0. */
static int compare(const char *a, const char *b)
{
    for (;;) {
        size_t n = strspn(a, "0123456789"), m = strspn(b, "0123456789");
        uint64_t x, y;
        char left[20], right[20];

        if (n && m && n < sizeof(left) && m < sizeof(right)) {
            snprintf(left, sizeof(left), "%.*s", (int)n, a);
            snprintf(right, sizeof(right), "%.*s", (int)m, b);
            if (str_u64(left, UINT64_MAX, &x) == 0 && str_u64(right, UINT64_MAX, &y) == 0 && x != y)
                return x < y ? -1 : 1;
            a += n;
            b += m;
        }
        if (*a != *b || !*a)
            return (unsigned char)*a - (unsigned char)*b;
        a++;
        b++;
    }
}

static bool test(const struct query *q, const char *value)
{
    switch (q->op) {
    case OP_EXISTS:
        return value != NULL;
    case OP_ABSENT:
        return value == NULL;
    case OP_NE:
        return !str_eq(value, q->values[0]);
    case OP_UNLIKE:
        return !value || regexec(&q->like, value, 0, NULL, 0) != 0;
    case OP_IN:
    case OP_NOT_IN:
        for (size_t i = 0; i < q->n_values; i++)
            if (str_eq(value, q->values[i]))
                return q->op == OP_IN;
        return q->op == OP_NOT_IN;
    default:
        break;
    }
    if (!value)
        return false;
    if (q->op == OP_LIKE)
        return regexec(&q->like, value, 0, NULL, 0) == 0;
    if (q->op == OP_EQ)
        return !strcasecmp(value, q->values[0]);
    return q->op == OP_GT   ? compare(value, q->values[0]) > 0
           : q->op == OP_GE ? compare(value, q->values[0]) >= 0
           : q->op == OP_LT ? compare(value, q->values[0]) < 0
                            : compare(value, q->values[0]) <= 0;
}

static bool test_attribute(const struct query *q, const struct plane_instance *i, const char *name)
{
    json_t *a;
    size_t n;

    json_array_foreach (i->attributes, n, a)
        if (str_eq(json_str(a, "name"), name))
            return test(q, json_str(a, "value") ? json_str(a, "value") : "");
    return test(q, NULL);
}

/* True when a task of that group is on the instance; "!=" and the like: when none is. */
static bool test_group(const struct query *q, const struct plane *p, const struct plane_instance *i)
{
    bool negative =
        q->op == OP_NE || q->op == OP_UNLIKE || q->op == OP_NOT_IN || q->op == OP_ABSENT;
    const char *key;
    void *v;

    for (size_t k = 0; map_next(&p->tasks, &k, &key, &v);) {
        const struct plane_task *t = v;

        if (!str_eq(t->instance_arn, i->arn) || t->last == PLANE_TASK_STOPPED || !t->launch)
            continue;
        if (test(q, t->launch->group) == !negative)
            return !negative;
    }
    return negative;
}

static bool test_subject(const struct query *q, const struct plane *p,
                         const struct plane_instance *i)
{
    const char *name = str_after(q->subject, "attribute:");
    char text[40];

    if (name)
        return test_attribute(q, i, name);
    if (str_eq(q->subject, "task:group"))
        return test_group(q, p, i);
    if (str_eq(q->subject, "agentConnected"))
        return test(q, i->connected ? "true" : "false");
    if (str_eq(q->subject, "agentVersion"))
        return test(q, i->agent_version);
    if (str_eq(q->subject, "ec2InstanceId"))
        return test(q, *i->ec2_id ? i->ec2_id : NULL);
    if (str_eq(q->subject, "registeredAt"))
        return test(q, str_format_time(i->registered_at, 0, text));
    snprintf(text, sizeof(text), "%lld", (long long)plane_running_on(p, i));
    return test(q, text);
}

bool query_matches(const struct query *q, const struct plane *p, const struct plane_instance *i)
{
    switch (q->kind) {
    case QUERY_AND:
        return query_matches(q->a, p, i) && query_matches(q->b, p, i);
    case QUERY_OR:
        return query_matches(q->a, p, i) || query_matches(q->b, p, i);
    case QUERY_NOT:
        return !query_matches(q->a, p, i);
    default:
        return test_subject(q, p, i);
    }
}
