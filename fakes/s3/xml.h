/*
 * xml.h - the little XML that S3 reads, and the way it writes. Private to fakes/s3.
 *
 * The reader is strict: elements, attributes (thrown away), text, the five
 * named entities and numbers, comments, processing instructions, CDATA. A
 * document type is refused, and with it every trick that entities allow. Names
 * lose their prefix. Text is valid UTF-8 or the document is refused.
 */
#ifndef FAKES_S3_XML_H
#define FAKES_S3_XML_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define S3_XML_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define S3_XML_NS   "http://s3.amazonaws.com/doc/2006-03-01/"

#define S3_XML_DEPTH_MAX 16
#define S3_XML_NODES_MAX 100000

struct s3_xml {
    char *name;
    char *text; /* all text right below the element, joined; never NULL */
    struct s3_xml *first, *last, *next;
};

/* The root element, or NULL with ERR_PARSE ("at byte 17: ...") or ERR_LIMIT. */
struct s3_xml *s3_xml_read(const char *s, size_t n, struct err *e);
void s3_xml_free(struct s3_xml *x); /* NULL is fine */

/* The first child of that name, or NULL; and the text of it, or NULL. */
const struct s3_xml *s3_xml_child(const struct s3_xml *x, const char *name);
const char *s3_xml_child_text(const struct s3_xml *x, const char *name);

/* <name>text</name> with text escaped; NULL or "" is <name/>. */
void s3_xml_add(struct buf *b, const char *name, const char *text);
void s3_xml_addf(struct buf *b, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
