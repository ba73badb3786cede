/*
 * schema.h - the create body as dockerd reads it, and as inspect shows it.
 *
 * Tables of the members of Config and HostConfig, in the order in which Go
 * writes them, with their types. Reading takes members in any case, drops what
 * is not in the table, and refuses a wrong type in the words of encoding/json.
 */
#ifndef FAKES_DOCKER_SCHEMA_H
#define FAKES_DOCKER_SCHEMA_H

#include "base/buf.h"
#include "base/json.h"
#include "fakes/docker/behaviour.h"
#include "fakes/docker/gojson.h"

enum member_kind {
    MEMBER_STRING,
    MEMBER_BOOL,
    MEMBER_INT,
    MEMBER_STRINGS,  /* []string; null when absent */
    MEMBER_COMMAND,  /* the same, or one string */
    MEMBER_SET,      /* map[string]struct{} */
    MEMBER_MAP,      /* map[string]string */
    MEMBER_PINT,     /* *int64 */
    MEMBER_PBOOL,    /* *bool */
    MEMBER_OBJECT,   /* struct */
    MEMBER_POBJECT,  /* *struct */
    MEMBER_OBJECTS,  /* []struct */
    MEMBER_BINDINGS, /* map[string][]struct */
    MEMBER_ANY,      /* as it was sent */
};

struct member {
    const char *name;
    enum member_kind kind;
    bool omit_empty;
    const struct member *sub; /* of objects */
    const char *type;         /* Go's name of it, in refusals */
    const char *dflt;         /* MEMBER_ANY: text when absent */
    int since, until;         /* shown by engines of these API versions; 0: any */
};

const struct member *config_schema(void);
const struct member *host_config_schema(void);
/* ExposedPorts alone, which stands elsewhere in the answers to old versions. */
const struct member *exposed_ports_schema(void);

/* A new object with the members of the table that o has, under their right names.
 * NULL and Go's text in why; path: where we are ("ContainerConfigWrapper"). */
json_t *schema_read(const struct member *table, const json_t *o, const char *path, char *why);

/* Writes every member in order. */
void schema_write(struct buf *b, const struct member *table, const json_t *o);

/* The same for an engine of this API version; at: position at which `mark` would stand when it
 * is left out, or NULL. */
void schema_write_for(struct buf *b, const struct member *table, const json_t *o, int api,
                      const char *mark, size_t *at);

/* Config of an image, from what it declares. A new reference. */
json_t *image_config(const struct behaviour *b);

#endif
