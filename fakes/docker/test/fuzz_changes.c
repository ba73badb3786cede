/*
 * fuzz_changes.c - instructions of a Dockerfile that commit and import take.
 *
 * The first byte chooses the engine's age; what is left are the lines. What they make must be a
 * configuration that can be written, and text that is JSON again.
 *
 * With libFuzzer: ci/fuzz changes. Without: the program reads the files named on its command
 * line, once each.
 */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/test/fuzz.h"
#include "fakes/docker/engine.h"
#include "fakes/docker/image_config.h"
#include "fakes/docker/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char why[GOJSON_TEXT_MAX], *text;
    struct buf b = BUF_INIT(64 << 20);
    json_t *config;

    if (n < 1 || n > (16 << 10))
        return 0;
    config = json_pack("{s:[ss],s:[s]}", "Env", "A=1", "B=two words", "Cmd", "sh");
    text = xstrndup((const char *)p + 1, n - 1);
    if (config_changes(config, text, p[0] & 1 ? API(45) : API(41), why) == 0) {
        json_t *again;

        schema_write(&b, config_schema(), config);
        again = json_read(buf_str(&b), buf_len(&b), JSON_READ_PEER, NULL);
        if (!again)
            abort();
        json_decref(again);
    } else if (!*why) {
        abort(); /* it must say what is wrong */
    }
    buf_release(&b);
    free(text);
    json_decref(config);
    return 0;
}
