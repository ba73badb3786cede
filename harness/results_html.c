/* Results as a page: results_html() of harness/results.h. */
#include "harness/results.h"

#include "harness/page.h"
#include "harness/xml.h"

static const char *class_of(enum verdict v)
{
    static const char *const classes[VERDICT_MAX] = {"none", "good", "bad", "odd", "none", "odd"};

    return classes[v];
}

/* A word that opens to the report when there is one, and tells the reason when one points at it. */
static void add_cell(struct buf *out, const struct results_cell *c)
{
    buf_addf(out, "<td class=\"%s\" title=\"", class_of(c->verdict));
    xml_add(out, c->reason);
    buf_adds(out, "\">");
    if (c->report) {
        buf_addf(out, "<details><summary>%s, %zu of %zu</summary><pre>", verdict_name(c->verdict),
                 c->failures, c->runs);
        xml_add(out, c->report);
        buf_adds(out, "</pre></details>");
    } else {
        buf_adds(out, c->verdict == VERDICT_NOT_APPLICABLE ? "-" : verdict_name(c->verdict));
    }
    buf_adds(out, "</td>");
}

static void add_head(struct buf *out, const struct results *r)
{
    buf_adds(out, "<table id=\"t\">\n<thead><tr><th>scenario</th>");
    for (size_t k = 0; k < r->n_columns; k++) {
        buf_adds(out, "<th title=\"");
        xml_add(out, r->columns[k].agent);
        buf_adds(out, "\">");
        xml_add(out, r->columns[k].label);
        buf_adds(out, "</th>");
    }
    buf_adds(out, "<th>remarks</th></tr></thead>\n<tbody>\n");
}

static void add_row(struct buf *out, const struct results *r, const struct results_row *row)
{
    struct buf remarks = BUF_INIT(1 << 20);

    buf_adds(out, "<tr><td title=\"");
    xml_add(out, row->title);
    buf_adds(out, "\">");
    xml_add(out, row->name);
    buf_adds(out, "</td>");
    for (size_t k = 0; k < r->n_columns; k++)
        add_cell(out, &row->cells[k]);
    results_remarks(row, r->n_columns, &remarks);
    buf_adds(out, "<td>");
    xml_add(out, buf_str(&remarks));
    buf_adds(out, "</td></tr>\n");
    buf_release(&remarks);
}

static void add_sums(struct buf *out, const struct results *r)
{
    buf_adds(out, "</tbody>\n<tfoot>\n");
    for (int v = VERDICT_PASSED; v < VERDICT_MAX; v++) {
        buf_addf(out, "<tr><th>%s</th>", verdict_name((enum verdict)v));
        for (size_t k = 0; k < r->n_columns; k++)
            buf_addf(out, "<td>%zu</td>", results_count(r, k, (enum verdict)v));
        buf_adds(out, "<td></td></tr>\n");
    }
    buf_adds(out, "</tfoot>\n</table>\n");
}

void results_html(const struct results *r, struct buf *out)
{
    page_begin(out, "ecsim: scenarios and agents", "details { max-width: 60rem }\n");
    buf_adds(out, "<p><label>Part of a name <input id=\"q\"></label> "
                  "<label><input type=\"checkbox\" id=\"d\"> only what did not pass "
                  "everywhere</label></p>\n");
    add_head(out, r);
    for (size_t i = 0; i < r->n_rows; i++)
        add_row(out, r, &r->rows[i]);
    add_sums(out, r);
    buf_adds(out,
             "<script>\n"
             "const q = document.getElementById('q'), d = document.getElementById('d');\n"
             "const show = () => { for (const tr of document.querySelectorAll('#t tbody tr')) {\n"
             "  const plain = tr.querySelectorAll('td.good').length == tr.cells.length - 2;\n"
             "  tr.hidden = !tr.cells[0].textContent.includes(q.value) || (d.checked && plain);\n"
             "} };\n"
             "q.oninput = d.oninput = show;\n"
             "</script>\n");
    page_end(out);
}
