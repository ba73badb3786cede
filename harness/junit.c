/* JUnit as Jenkins' schema has it: a failure or an error in a case, never both. */
#include "harness/progress.h"

#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "base/str.h"

#define JUNIT_MAX (64 << 20)

/* Text that XML 1.0 can hold: it has no way to spell control characters. */
static void add_xml(struct buf *b, const char *s)
{
    size_t left = s ? strlen(s) : 0;

    while (left) {
        unsigned char c = (unsigned char)*s;
        size_t n = str_utf8_len(s, left);

        if (c == '&')
            buf_adds(b, "&amp;");
        else if (c == '<')
            buf_adds(b, "&lt;");
        else if (c == '>')
            buf_adds(b, "&gt;");
        else if (c == '"')
            buf_adds(b, "&quot;");
        else if (!n || !memcmp(s, "\xef\xbf\xbe", n) || !memcmp(s, "\xef\xbf\xbf", n))
            buf_adds(b, "\xef\xbf\xbd");
        else if (n > 1 || c >= 0x20 || c == '\n' || c == '\t')
            buf_add(b, s, n);
        else
            buf_addc(b, ' ');
        n = n ? n : 1;
        s += n;
        left -= n;
    }
}

static void add_case(struct buf *b, const struct progress_item *it)
{
    const struct result *r = &it->result;
    const char *slash = strrchr(it->path, '/');

    buf_adds(b, "  <testcase classname=\"");
    if (slash)
        for (const char *s = it->path + (*it->path == '/'); s < slash; s++)
            buf_addc(b, *s == '/' ? '.' : *s);
    buf_adds(b, "\" name=\"");
    add_xml(b, slash ? slash + 1 : it->path);
    buf_adds(b, ": ");
    add_xml(b, it->title);
    buf_addf(b, "\" time=\"%.3f\">", r->seconds);
    if (!it->done)
        buf_adds(b, "<skipped message=\"not run to its end\"/>");
    switch (it->done ? r->outcome : OUTCOME_PASSED) {
    case OUTCOME_SKIPPED:
    case OUTCOME_KNOWN:
        buf_adds(b, "<skipped message=\"");
        add_xml(b, r->reason);
        buf_adds(b, "\"/>");
        break;
    case OUTCOME_FAILED:
        buf_adds(b, "<failure message=\"");
        add_xml(b, r->reason);
        buf_adds(b, "\">");
        add_xml(b, r->report);
        buf_adds(b, "</failure>");
        break;
    case OUTCOME_NO_AGENT:
    case OUTCOME_HARNESS:
        buf_addf(b, "<error type=\"%s\" message=\"", outcome_name(r->outcome));
        add_xml(b, r->reason);
        buf_adds(b, "\">");
        add_xml(b, r->report);
        buf_adds(b, "</error>");
        break;
    default:
        break;
    }
    buf_adds(b, "</testcase>\n");
}

int junit_write(const char *path, const struct progress *p, double seconds, struct err *e)
{
    _cleanup_buf_ struct buf b = BUF_INIT(JUNIT_MAX);

    buf_addf(&b,
             "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
             "<testsuite name=\"ecsim\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
             "skipped=\"%zu\" time=\"%.3f\">\n",
             p->n, p->count[OUTCOME_FAILED], p->count[OUTCOME_NO_AGENT] + p->count[OUTCOME_HARNESS],
             p->count[OUTCOME_SKIPPED] + p->count[OUTCOME_KNOWN] + p->n - p->n_done, seconds);
    for (size_t i = 0; i < p->n; i++)
        add_case(&b, &p->items[i]);
    buf_adds(&b, "</testsuite>\n");
    if (b.full)
        return err_set(e, ERR_LIMIT, "%s: the report is larger than %d bytes", path, JUNIT_MAX);
    return io_write_file(path, buf_str(&b), buf_len(&b), 0644, e);
}
