/*
 * xml.h - text for files of XML and HTML.
 */
#ifndef HARNESS_XML_H
#define HARNESS_XML_H

#include "base/buf.h"

/* Appends s (NULL: nothing) so that it stands for itself between tags and in quoted attributes.
 * What XML 1.0 has no way to spell becomes a blank or U+FFFD. */
void xml_add(struct buf *b, const char *s);

#endif
