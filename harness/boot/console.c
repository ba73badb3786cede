#include "harness/boot/console.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define NAME_MAX_ "255"

static const char *job(const char *line, json_t **ret)
{
    char name[256], of[256], type[32], result[32] = "";
    const char *state;
    unsigned id;
    json_t *o;

    if (sscanf(line, "%" NAME_MAX_ "[^:]: Installed new job %" NAME_MAX_ "[^/]/%31s as %u", name,
               of, type, &id) == 4)
        state = "queued";
    else if (sscanf(line,
                    "%" NAME_MAX_ "[^:]: Job %u %" NAME_MAX_ "[^/]/%31s finished, result=%31s",
                    name, &id, of, type, result) == 5)
        state = "done";
    else if (strstr(line, " deleted to break ordering cycle") &&
             sscanf(line, "%" NAME_MAX_ "[^:]: Job %" NAME_MAX_ "[^/]/%31s ", name, of, type) == 3)
        state = "deleted";
    else
        return NULL;
    o = json_object();
    json_put_str(o, "unit", of);
    json_put_str(o, "type", type);
    json_put_str(o, "state", state);
    json_put_str(o, "result", *result ? result : NULL);
    *ret = o;
    return "job";
}

static const char *unit(const char *line, json_t **ret)
{
    char name[256], from[64], to[64];
    int code, n = 0;
    json_t *o;

    if (sscanf(line, "%" NAME_MAX_ "[^:]: Changed %63s -> %63s", name, from, to) == 3) {
        o = json_object();
        json_put_str(o, "unit", name);
        json_put_str(o, "from", from);
        json_put_str(o, "to", to);
        *ret = o;
        return "unit";
    }
    if (sscanf(line, "%" NAME_MAX_ "[^:]: Main process exited, code=exited, status=%d", name,
               &code) == 2) {
        o = json_object();
        json_put_str(o, "unit", name);
        json_put_int(o, "code", code);
        *ret = o;
        return "exit";
    }
    if (sscanf(line, "%" NAME_MAX_ "[^:]: Scheduled restart job%n", name, &n) == 1 && n) {
        o = json_object();
        json_put_str(o, "unit", name);
        *ret = o;
        return "restart";
    }
    return NULL;
}

/* "[ 123.456789] cloud-init[56]: text": what a unit prints to the console, with the time that the
 * journal puts in front. */
static const char *said(const char *line, json_t **ret)
{
    const char *p = line;
    json_t *o;

    if (*p == '[' && (p[1] == ' ' || isdigit((unsigned char)p[1])) && strchr(p, ']')) {
        line = strchr(p, ']') + 1;
        line += strspn(line, " ");
        p = line;
    }

    while (isalnum((unsigned char)*p) || (*p && strchr("-_.@", *p)))
        p++;
    if (p == line || *p != '[' || !isdigit((unsigned char)p[1]))
        return NULL;
    p = strstr(p, "]: ");
    if (!p)
        return NULL;
    o = json_object();
    json_put_str(o, "text", p + 3);
    *ret = o;
    return "log";
}

const char *console_event(const char *line, size_t n, json_t **ret)
{
    _cleanup_free_ char *text = NULL;
    const char *what;

    while (n && (line[n - 1] == '\r' || line[n - 1] == ' '))
        n--;
    text = xstrndup(line, n);
    if (str_starts(text, "Startup finished in ")) {
        *ret = json_object();
        return "up";
    }
    if (str_starts(text, "Sent message ") || str_starts(text, "Got message "))
        return NULL;
    if ((what = job(text, ret)) || (what = unit(text, ret)))
        return what;
    return said(text, ret);
}
