#include "agent/cloud_init.h"

#include "base/buf.h"
#include "base/io.h"
#include "base/json.h"
#include "base/str.h"

#define RESULT_MAX (1 << 20)

bool cloud_init_found_nothing(const char *path)
{
    _cleanup_buf_ struct buf text = BUF_INIT(RESULT_MAX);
    _cleanup_json_ json_t *v = NULL;

    if (io_read_file(path, &text, NULL) < 0)
        return false;
    v = json_read(buf_str(&text), buf_len(&text), JSON_READ_PEER, NULL);
    return str_eq(json_str(json_object_get(v, "v1"), "datasource"), "DataSourceNone");
}
