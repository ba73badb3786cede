#include "harness/schema.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/match.h"
#include "harness/scn_json.h"

static json_t *ref(const char *name)
{
    _cleanup_free_ char *text = xasprintf("#/$defs/%s", name);

    return json_pack("{s:s}", "$ref", text);
}

static json_t *array_of(json_t *items)
{
    return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

static json_t *string(void)
{
    return json_pack("{s:s}", "type", "string");
}

/* {"type": "object", "properties": {}, "required": [], "additionalProperties": false} */
static json_t *object(json_t *properties, json_t *required)
{
    return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties, "required",
                     required, "additionalProperties", 0);
}

static void require(json_t *required, const char *name)
{
    json_array_append_new(required, json_string(name));
}

static void put_args(json_t *props, json_t *required, const struct verb_arg *args)
{
    for (const struct verb_arg *a = args; a->name; a++) {
        json_t *one = a->kind == ARG_TEXT ? string() : ref("value");

        if (a->kind == ARG_LITERAL) {
            json_decref(one);
            continue;
        }
        if (a->many == ARG_SOME || a->many == ARG_ANY)
            one = array_of(one);
        if (a->many == ARG_SOME)
            json_put_int(one, "minItems", 1);
        json_put(props, scn_json_arg(a), one);
        if (a->many == ARG_ONE || a->many == ARG_SOME)
            require(required, scn_json_arg(a));
    }
}

static json_t *options(const struct verb *v)
{
    json_t *props = json_object(), *patterns = json_object(), *o;
    bool open = false;

    for (const struct verb_opt *opt = v->opts; opt->name; opt++) {
        size_t n = strlen(opt->name);
        json_t *one = ref(opt->kind == ARG_FLAG ? "flag" : "value");

        json_put_str(one, "description", opt->doc);
        if (opt->name[n - 1] != '*') {
            json_put(props, opt->name, one);
        } else if (n == 1) {
            open = true;
            json_decref(one);
        } else {
            _cleanup_free_ char *pattern = xasprintf("^%.*s\\.", (int)(n - 2), opt->name);

            json_put(patterns, pattern, one);
        }
    }
    if (v->flags & TAKES_COUNT) {
        json_put(props, "is", ref("value"));
        json_put(props, "min", ref("value"));
        json_put(props, "max", ref("value"));
    }
    if (!open && !json_object_size(props)) {
        json_decref(props);
        json_decref(patterns);
        return NULL;
    }
    o = json_pack("{s:s, s:o}", "type", "object", "properties", props);
    if (json_object_size(patterns))
        json_put(o, "patternProperties", patterns);
    else
        json_decref(patterns);
    json_put(o, "additionalProperties", open ? ref("value") : json_false());
    return o;
}

static json_t *peers(unsigned mask)
{
    json_t *list = json_array();

    for (int i = 0; i < PEER_MAX; i++)
        if (mask & PEER_BIT(i))
            json_array_append_new(list, json_string(peer_name((enum peer)i)));
    return json_pack("{s:o}", "enum", list);
}

static json_t *lines(void)
{
    return ref("lines");
}

static json_t *verb(const struct verb *v)
{
    static const struct {
        unsigned flag;
        const char *member;
    } suffixes[] = {{TAKES_WITHIN, "within"}, {TAKES_FOR, "for"}, {TAKES_AFTER, "after"}};
    json_t *props = json_object(), *required = json_array(), *o;

    json_put(props, "verb", json_pack("{s:s}", "const", v->words));
    require(required, "verb");
    if (v->flags & TAKES_PEER) {
        json_put(props, "peer", peers(v->peers));
        require(required, "peer");
    }
    if (v->flags & (TAKES_WHAT | TAKES_WHAT_OPT))
        json_put(props, "what", string());
    if (v->flags & TAKES_WHAT)
        require(required, "what");
    put_args(props, required, v->args);
    json_put(props, "options", options(v));
    if (v->flags & TAKES_MATCH)
        json_put(props, "match", array_of(ref("matcher")));
    if (v->flags & TAKES_MATCH_ONE) {
        json_put(props, "match", array_of(ref("comparison")));
        require(required, "match");
    }
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
        if (v->flags & suffixes[i].flag)
            json_put(props, suffixes[i].member, ref("value"));
    if (v->flags & (TAKES_AS | TAKES_AS_LABEL | TAKES_AS_LOOP | TAKES_AS_USE))
        json_put(props, "as", string());
    json_put(props, "before", lines());
    json_put(props, "comment", string());
    if (v->flags & TAKES_BLOCK) {
        json_put(props, "steps", ref("steps"));
        json_put(props, "tail", lines());
        json_put(props, "end_comment", string());
        require(required, "steps");
    }
    o = object(props, required);
    json_put_str(o, "description", v->doc);
    return o;
}

static json_t *header(const struct header_word *h)
{
    json_t *props = json_object(), *required = json_array(), *o;

    json_put(props, "word", json_pack("{s:s}", "const", h->word));
    require(required, "word");
    put_args(props, required, h->args);
    json_put(props, "before", lines());
    json_put(props, "comment", string());
    o = object(props, required);
    json_put_str(o, "description", h->doc);
    return o;
}

static json_t *tagged(const char *tag, json_t *type, const char *doc)
{
    json_t *o = object(json_pack("{s:o}", tag, type), json_pack("[s]", tag));

    json_put_str(o, "description", doc);
    return o;
}

static json_t *value(void)
{
    return json_pack(
        "{s:[{s:[s,s,s,s]},o,o,o,o,o,o]}", "anyOf", "type", "string", "number", "boolean", "null",
        tagged("string", string(), "a quoted text"), tagged("word", string(), "a bare word"),
        tagged("regex", string(), "a regular expression"),
        tagged("file", string(), "an attachment or a file"),
        tagged("json", json_pack("{s:[s,s]}", "type", "object", "array"), "inline JSON"),
        tagged("template", string(), "inline JSON text that needs its ${...} to become JSON"));
}

static json_t *matcher(bool path)
{
    json_t *ops = json_array(), *props, *required = json_pack("[s]", "op");

    for (int i = 0; i < MATCH_OP_MAX; i++)
        json_array_append_new(ops, json_string(match_op_name((enum match_op)i)));
    props = json_pack("{s:{s:o}, s:o}", "op", "enum", ops, "value", ref("value"));
    if (path) {
        json_put(props, "path", string());
        require(required, "path");
    }
    return object(props, required);
}

static json_t *attachment(void)
{
    json_t *o =
        object(json_pack("{s:o, s:o, s:o}", "name", string(), "text", string(), "base64", string()),
               json_pack("[s]", "name"));

    json_put(o, "oneOf", json_pack("[{s:[s]},{s:[s]}]", "required", "text", "required", "base64"));
    return o;
}

static json_t *definitions(void)
{
    json_t *defs = json_object(), *steps = json_array(), *headers = json_array();

    json_put(defs, "value", value());
    json_put(defs, "flag", json_pack("{s:b}", "const", 1));
    json_put(defs, "matcher", matcher(true));
    json_put(defs, "comparison", matcher(false));
    json_put(defs, "attachment", attachment());
    json_put(defs, "lines",
             array_of(json_pack("{s:s, s:s, s:s}", "type", "string", "pattern", "^(#.*)?$",
                                "description", "a comment with its '#', or an empty line")));
    for (int i = 0; i < VERB_MAX; i++) {
        const struct verb *v = verb_get((enum verb_id)i);
        _cleanup_free_ char *name = xasprintf("step_%s", v->key);

        json_put(defs, name, verb(v));
        json_array_append_new(steps, ref(name));
    }
    for (int i = 0; i < HEADER_MAX; i++) {
        const struct header_word *h = header_get((enum header_id)i);
        _cleanup_free_ char *name = xasprintf("header_%s", h->word);

        if (h->id == HEADER_SCENARIO)
            continue;
        json_put(defs, name, header(h));
        json_array_append_new(headers, ref(name));
    }
    json_put(defs, "steps", array_of(json_pack("{s:o}", "oneOf", steps)));
    json_put(defs, "header", array_of(json_pack("{s:o}", "oneOf", headers)));
    return defs;
}

void scn_schema_write(struct buf *out)
{
    _cleanup_json_ json_t *o =
        object(json_pack("{s:{s:i}, s:o, s:o, s:o, s:o, s:o, s:o}", "scenario", "const", 1,
                         "header", ref("header"), "steps", ref("steps"), "tail", lines(), "before",
                         lines(), "comment", string(), "attachments", array_of(ref("attachment"))),
               json_pack("[s,s]", "scenario", "steps"));
    _cleanup_free_ char *text = NULL;

    json_put_str(o, "$schema", "https://json-schema.org/draft/2020-12/schema");
    json_put_str(o, "title", "ecsim scenario, version 1");
    json_put(o, "$defs", definitions());
    text = json_dumps(o, JSON_INDENT(2));
    buf_adds(out, text ? text : "");
    buf_addc(out, '\n');
}
