#include "harness/verb.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/strtab.h"

/* clang-format off */
#define ARGS(...) ((const struct verb_arg[]){ __VA_ARGS__ __VA_OPT__(,) { NULL, ARG_NONE, ARG_ONE, NULL } })
#define OPTS(...) ((const struct verb_opt[]){ __VA_ARGS__ __VA_OPT__(,) { NULL, ARG_NONE, NULL, NULL } })

static const struct verb verbs[] = {
#define VERB(ID, id, words, flags, peers, args, opts, doc, example) \
    [VERB_##ID] = { VERB_##ID, #id, words, (flags), (peers), args, opts, doc, example },
#include "harness/verbs.def"
};

static const struct header_word headers[] = {
#define HEADER(ID, word, many, args, doc, example) \
    [HEADER_##ID] = { HEADER_##ID, word, many, args, doc, example },
#include "harness/verbs.def"
};
/* clang-format on */

static const char *const peer_names[PEER_MAX] = {
    [PEER_DOCKER] = "docker",   [PEER_ECS] = "ecs",
    [PEER_ACS] = "acs",         [PEER_TCS] = "tcs",
    [PEER_S3] = "s3",           [PEER_IMDS] = "imds",
    [PEER_AWS] = "aws",         [PEER_CREDFETCH] = "credfetch",
    [PEER_CNI] = "cni",         [PEER_AGENT] = "agent",
    [PEER_MACHINE] = "machine",
};

static const struct builtin builtin_table[] = {
    {"cluster", "name of the cluster"},
    {"region", "AWS region"},
    {"account", "AWS account, 12 digits"},
    {"cluster_arn", "ARN of the cluster"},
    {"instance_id", "EC2 instance id"},
    {"access_key", "access key of the agent and of people"},
    {"secret_key", "its secret"},
    {"instance_arn", "ARN that the agent was given when it registered"},
    {"task_arn", "ARN of a task in this cluster, made from the seed"},
    {"ecs.url", "address of the fake ECS API"},
    {"acs.url", "address of the fake ACS"},
    {"tcs.url", "address of the fake TCS"},
    {"s3.url", "address of the fake S3"},
    {"imds.url", "address of the fake instance metadata service"},
    {"aws.url", "address of the small services: STS, SSM, Secrets Manager, ECR, EC2"},
    {"credfetch.socket", "path of the fake credentials-fetcher's socket"},
    {"credfetch.tickets", "folder in which it keeps tickets"},
    {"docker.host", "DOCKER_HOST of the fake engine: unix:///..."},
    {"docker.socket", "path of the fake engine's socket"},
    {"introspection", "address of the agent's introspection API: http://127.0.0.1:PORT"},
    {"tmp", "the scenario's own folder"},
    {"data", "the agent's data folder"},
    {"agent.version", "version of the agent under test"},
    {"agent.command", "its command line, quoted for a shell"},
    {"agent.data", "the same, by the name under which the agent sees it: /data in a sandbox"},
    {"agent.log", "folder for the agent's logs, by the name under which it sees it"},
    {"agent.pid", "process id of the running agent"},
    {"seed", "seed of this run"},
};

const char *peer_name(enum peer p)
{
    const char *s = strtab_name(peer_names, PEER_MAX, (int)p);

    return s ? s : "";
}

int peer_from(const char *word)
{
    return strtab_value(peer_names, PEER_MAX, word);
}

const struct verb *verb_get(enum verb_id id)
{
    return &verbs[id];
}

const struct verb *verb_find(const char *first, const char *second, size_t *ret_words)
{
    const struct verb *one = NULL;

    for (size_t i = 0; i < VERB_MAX; i++) {
        const char *rest = str_after(verbs[i].words, first);

        if (!rest)
            continue;
        if (!*rest)
            one = &verbs[i];
        if (*rest == ' ' && str_eq(rest + 1, second)) {
            *ret_words = 2;
            return &verbs[i];
        }
    }
    if (one)
        *ret_words = 1;
    return one;
}

const struct verb *verb_named(const char *words)
{
    for (size_t i = 0; i < VERB_MAX; i++)
        if (str_eq(verbs[i].words, words) || str_eq(verbs[i].key, words))
            return &verbs[i];
    return NULL;
}

const struct header_word *header_get(enum header_id id)
{
    return &headers[id];
}

const struct header_word *header_find(const char *word)
{
    for (size_t i = 0; i < HEADER_MAX; i++)
        if (str_eq(headers[i].word, word))
            return &headers[i];
    return NULL;
}

const struct verb_opt *verb_option(const struct verb *v, const char *key)
{
    const struct verb_opt *any = NULL;

    for (const struct verb_opt *o = v->opts; o->name; o++) {
        size_t n = strlen(o->name);

        if (str_eq(o->name, key))
            return o;
        if (o->name[n - 1] == '*' && strlen(key) >= n && !strncmp(o->name, key, n - 1))
            any = o;
    }
    return any;
}

const struct builtin *builtins(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(builtin_table);
    return builtin_table;
}

bool builtin_find(const char *ref, size_t *ret_used)
{
    for (size_t i = 0; i < ARRAY_SIZE(builtin_table); i++) {
        const char *rest = str_after(ref, builtin_table[i].name);

        if (rest && (!*rest || *rest == '.' || *rest == '[')) {
            *ret_used = strlen(builtin_table[i].name);
            return true;
        }
    }
    return false;
}

bool verb_is_keyword(const char *word)
{
    static const char *const keywords[] = {"within", "for", "after", "as", "is", "min", "max"};

    return strtab_value(keywords, ARRAY_SIZE(keywords), word) >= 0;
}

const char *arg_kind_expects(enum arg_kind kind)
{
    static const char *const texts[] = {
        [ARG_WORD] = "a word or a \"quoted text\"",
        [ARG_TEXT] = "a text",
        [ARG_NAME] = "a name of letters, digits, '_' and '-'",
        [ARG_VALUE] = "a word, a \"quoted text\", {json} or @attachment",
        [ARG_BODY] = "@attachment, {json} or a \"quoted text\"",
        [ARG_DURATION] = "a duration such as 500ms, 10s or 1m30s",
        [ARG_INT] = "a whole number",
        [ARG_POSITIVE] = "a whole number from 1",
        [ARG_NUMBER] = "a number",
        [ARG_PERCENT] = "a percentage such as 50 or 50%",
        [ARG_CHANCE] = "a probability from 0 to 1, such as 0.25",
        [ARG_SIZE] = "a size such as 512, 64KiB or 80MiB",
        [ARG_BOOL] = "true or false, or nothing",
        [ARG_FLAG] = "no value",
        [ARG_SIGNAL] = "a signal such as SIGTERM or 15",
        [ARG_CHOICE] = "one of a few words",
        [ARG_VERSION] = "a version such as 1.44 or 20.10.7",
        [ARG_URL] = "an address such as ${introspection}/v1/tasks",
        [ARG_METHOD] = "a method such as GET or POST",
        [ARG_UNTIL] = "a duration, or the name of a capture",
        [ARG_FILE] = "@attachment or @file",
        [ARG_GUARD] = "`agent` and versions, or a feature of the machine",
        [ARG_PEER] = "a peer: docker, ecs, acs, tcs, s3, imds, aws, credfetch, cni or agent",
        [ARG_VERSIONS] =
            "versions such as >=1.44, <1.80 or 1.20..1.62, or a feature of `ecsim features`",
        [ARG_QUOTED] = "a \"quoted text\"",
        [ARG_PACE] = "`virtual`, `real`, or `scaled:N` with N up to 100000",
        [ARG_OFFSET] = "a duration that may have a sign, such as +10m or -1h",
        [ARG_HEALER] = "the name of a fault, a peer, or all",
    };
    const char *s = strtab_name(texts, ARRAY_SIZE(texts), (int)kind);

    return s ? s : "a word";
}
