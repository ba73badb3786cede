/*
 * page.h - the frame of the HTML pages that are written: one file each, which needs no other,
 * readable in light and dark.
 */
#ifndef HARNESS_PAGE_H
#define HARNESS_PAGE_H

#include "base/buf.h"

/* Up to the first thing of the body, a heading of this title. style: what it adds to the rules. */
void page_begin(struct buf *out, const char *title, const char *style);
void page_end(struct buf *out);

#endif
