#include "harness/page.h"

#include "harness/xml.h"

void page_begin(struct buf *out, const char *title, const char *style)
{
    buf_adds(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
    xml_add(out, title);
    buf_adds(out,
             "</title>\n<style>\n"
             ":root { color-scheme: light dark; font: 14px/1.45 system-ui, sans-serif }\n"
             "body { margin: 1.5rem }\n"
             "h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 1.6rem }\n"
             "table { border-collapse: collapse }\n"
             "th, td { padding: .15rem .6rem; text-align: left; border-bottom: 1px solid #8884; "
             "vertical-align: top }\n"
             "thead th { position: sticky; top: 0; background: Canvas }\n"
             "pre { white-space: pre-wrap; font-size: 12px }\n"
             ".good { color: #1a7f37 } .bad { color: #d1242f; font-weight: bold }\n"
             ".odd { color: #9a6700 } .none { color: #8888 }\n");
    buf_adds(out, style);
    buf_adds(out, "</style>\n</head>\n<body>\n<h1>");
    xml_add(out, title);
    buf_adds(out, "</h1>\n");
}

void page_end(struct buf *out)
{
    buf_adds(out, "</body>\n</html>\n");
}
