/* JUnit as Jenkins' schema has it: a failure or an error in a case, never both. */
#include "harness/progress.h"

#include <string.h>

#include "base/buf.h"
#include "base/io.h"
#include "harness/xml.h"

#define JUNIT_MAX (64 << 20)

static void add_case(struct buf *b, const struct progress_item *it)
{
    const struct result *r = &it->result;
    const char *slash = strrchr(it->path, '/');

    buf_adds(b, "  <testcase classname=\"");
    if (slash)
        for (const char *s = it->path + (*it->path == '/'); s < slash; s++)
            buf_addc(b, *s == '/' ? '.' : *s);
    buf_adds(b, "\" name=\"");
    xml_add(b, slash ? slash + 1 : it->path);
    buf_adds(b, ": ");
    xml_add(b, it->title);
    buf_addf(b, "\" time=\"%.3f\">", r->seconds);
    if (!it->done)
        buf_adds(b, "<skipped message=\"not run to its end\"/>");
    switch (it->done ? r->outcome : OUTCOME_PASSED) {
    case OUTCOME_SKIPPED:
    case OUTCOME_KNOWN:
        buf_adds(b, "<skipped message=\"");
        xml_add(b, r->reason);
        buf_adds(b, "\"/>");
        break;
    case OUTCOME_FAILED:
        buf_adds(b, "<failure message=\"");
        xml_add(b, r->reason);
        buf_adds(b, "\">");
        xml_add(b, r->report);
        buf_adds(b, "</failure>");
        break;
    case OUTCOME_NO_AGENT:
    case OUTCOME_HARNESS:
        buf_addf(b, "<error type=\"%s\" message=\"", outcome_name(r->outcome));
        xml_add(b, r->reason);
        buf_adds(b, "\">");
        xml_add(b, r->report);
        buf_adds(b, "</error>");
        break;
    default:
        if (it->done && it->tries) {
            buf_addf(b, "<system-out>flaky: failed %d of %d times: ", it->tries, it->tries + 1);
            xml_add(b, it->at_first);
            buf_adds(b, "</system-out>");
        }
        break;
    }
    buf_adds(b, "</testcase>\n");
}

int junit_write(const char *path, const struct progress *p, double seconds, struct err *e)
{
    _cleanup_buf_ struct buf b = BUF_INIT(JUNIT_MAX);

    buf_adds(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"ecsim");
    if (p->suite) {
        buf_addc(&b, ' ');
        xml_add(&b, p->suite);
    }
    buf_addf(&b,
             "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
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
