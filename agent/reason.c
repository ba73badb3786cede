#include "agent/reason.h"
#include "base/str.h"

/* As Go prints a time.Duration, units of zero included: 4m0s, 2h0m0s, 1.5s. */
static void add_duration(struct buf *text, int64_t ns)
{
    int64_t minutes = ns / (60 * NS_PER_S);

    if (minutes >= 60)
        buf_addf(text, "%lldh%lldm", (long long)(minutes / 60), (long long)(minutes % 60));
    else if (minutes > 0)
        buf_addf(text, "%lldm", (long long)minutes);
    buf_addf(text, "%gs", (double)(ns % (60 * NS_PER_S)) / 1e9);
}

const char *reason_of_call(const struct docker_result *r, const char *name, const char *transition,
                           struct buf *text)
{
    if (r->timed_out) {
        buf_addf(text, "Could not transition to %s; timed out after waiting ", transition);
        add_duration(text, r->waited);
        return REASON_TIMEOUT;
    }
    buf_adds(text, r->message);
    return name;
}

/* Copies message; a URL that names ECR's layer bucket is replaced. */
static void add_redacted(struct buf *text, const char *message, const char *image)
{
    const char *p = message, *url;

    while ((url = strstr(p, "https"))) {
        size_t len = strcspn(url, " \t\r\n\"");
        const char *bucket = strstr(url, "starport-layer-bucket");

        buf_add(text, p, (size_t)(url - p));
        if (bucket && bucket < url + len)
            buf_addf(text, "REDACTED ECR URL related to %s", image);
        else
            buf_add(text, url, len);
        p = url + len;
    }
    buf_adds(text, p);
}

struct hint {
    const char *first, *then; /* both in the text, in this order */
    const char *say;
};

/* The apostrophe is the one of the official texts. (errormessages/error_messages.go) */
static const struct hint hints[] = {
    {"denied: User: ", "is not authorized to perform: ecr:BatchGetImage on resource",
     "The task can\u2019t pull the image. Check that the role has the permissions to pull images "
     "from the registry. "},
    {"denied: requested access to the resource is denied", "",
     "The task can\u2019t pull the image. Check whether the image exists. "},
    {"request canceled while waiting for connection", "",
     "The task can\u2019t pull the image. Check your network configuration. "},
};

const char *reason_of_manifest(const struct docker_result *r, const char *image, struct buf *text)
{
    if (r->timed_out)
        return reason_of_call(r, REASON_MANIFEST, "MANIFEST_PULLED", text);
    add_redacted(text, r->message, image);
    return REASON_MANIFEST;
}

const char *reason_of_pull(const struct docker_result *r, const char *image, struct buf *text)
{
    if (r->timed_out && !str_eq(r->phase, "inactivity"))
        return reason_of_call(r, REASON_PULL, r->phase, text);
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        const char *at = strstr(r->message, hints[i].first);

        if (at && strstr(at, hints[i].then)) {
            buf_adds(text, hints[i].say);
            break;
        }
    }
    add_redacted(text, r->message, image);
    return REASON_PULL;
}
