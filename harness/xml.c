#include "harness/xml.h"

#include <string.h>

#include "base/str.h"

void xml_add(struct buf *b, const char *s)
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
