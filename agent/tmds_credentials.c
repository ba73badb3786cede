/* tmds.h: credentials, by an id that only the task has. */
#include "agent/tmds_internal.h"
#include "base/str.h"

static json_t *refusal(int version, const char *code, const char *text, int status)
{
    json_t *o = json_object();
    char message[96];

    snprintf(message, sizeof(message), "CredentialsV%dRequest: %s", version, text);
    json_put_str(o, "code", code);
    json_put_str(o, "message", message);
    json_put_int(o, "HTTPErrorCode", status);
    return o;
}

static json_t *credentials_json(const struct task_credential *c)
{
    json_t *o = json_object();

    json_put_str(o, "RoleArn", c->role_arn ? c->role_arn : "");
    json_put_str(o, "AccessKeyId", c->access_key);
    json_put_str(o, "SecretAccessKey", c->secret_key);
    json_put_str(o, "Token", c->session_token ? c->session_token : "");
    json_put_str(o, "Expiration", c->expiration ? c->expiration : "");
    return o;
}

static void answer(struct tmds *t, struct http_visit *v, int version, const char *id)
{
    const struct task_credential *c = task_credentials_get(t->o.credentials, id);
    struct audit_entry e = {.wall = loop_wall(t->loop),
                            .status = 200,
                            .remote = http_visit_remote(v),
                            .path = http_visit_path(v),
                            .user_agent = http_visit_header(v, "User-Agent"),
                            .role = -1};
    json_t *body;

    if (!*id) {
        body = refusal(version, "NoIdInRequest", "No Credential ID in the request", e.status = 400);
    } else if (!c) {
        body = refusal(version, "InvalidIdInRequest", "Credentials not found", e.status = 400);
    } else if (!c->access_key) {
        body = refusal(version, "CredentialsUninitialized", "Credentials uninitialized for ID",
                       e.status = 503);
    } else {
        e.task_arn = c->task_arn;
        e.role = (int)c->role;
        body = credentials_json(c);
    }
    audit_log_add(t->audit, &e);
    tmds_json(v, e.status, body);
}

bool tmds_credentials(struct tmds *t, struct http_visit *v, const char *path)
{
    const char *id = str_after(path, "/v2/credentials/");

    if (id) {
        answer(t, v, 2, id);
        return true;
    }
    if (!str_eq(path, "/v1/credentials"))
        return false;
    http_visit_query(v, "id", &id);
    answer(t, v, 1, id);
    return true;
}
