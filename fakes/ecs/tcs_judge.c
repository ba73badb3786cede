/* What agents publish: the shapes of the service's model, and what cannot be. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/shape.h"
#include "fakes/ecs/tcs.h"
#include "proto/limits.h"
#include "proto/tcs_message.h"

/* A timestamp further away than this is in another unit, or another year. */
#define TIMESTAMP_SLACK_S (24 * 3600)

/* What Go makes of a time that nobody has set when it is asked for nanoseconds. Agents publish it
 * as the lastUpdated of a check that has run less than twice (1.62.2 was seen to). */
#define GO_ZERO_TIME (-6795364578.871)

/* A float sum of many samples is not exact. */
#define SUM_SLACK 1e-6

static const struct shape_member set_members[] = {{"min", &shape_double, true},
                                                  {"max", &shape_double, true},
                                                  {"sampleCount", &shape_natural, true},
                                                  {"sum", &shape_double, true},
                                                  {0}};
static const struct shape stats_set = SHAPE_OF(set_members);

static const struct shape_member amount_members[] = {{"min", &shape_amount, true},
                                                     {"max", &shape_amount, true},
                                                     {"sampleCount", &shape_natural, true},
                                                     {"sum", &shape_amount, true},
                                                     {0}};
static const struct shape amount_set = SHAPE_OF(amount_members);

static const struct shape_member long_members[] = {
    {"min", &shape_natural, true},          {"max", &shape_natural, true},
    {"sampleCount", &shape_natural, true},  {"sum", &shape_natural, true},
    {"overflowMin", &shape_natural, false}, {"overflowMax", &shape_natural, false},
    {"overflowSum", &shape_natural, false}, {0}};
static const struct shape long_set = SHAPE_OF(long_members);

static const struct shape_member network_members[] = {{"rxBytesPerSecond", &amount_set, false},
                                                      {"txBytesPerSecond", &amount_set, false},
                                                      {"rxBytes", &long_set, false},
                                                      {"rxDropped", &long_set, false},
                                                      {"rxErrors", &long_set, false},
                                                      {"rxPackets", &long_set, false},
                                                      {"txBytes", &long_set, false},
                                                      {"txDropped", &long_set, false},
                                                      {"txErrors", &long_set, false},
                                                      {"txPackets", &long_set, false},
                                                      {0}};
static const struct shape network_set = SHAPE_OF(network_members);

static const struct shape_member storage_members[] = {
    {"readSizeBytes", &long_set, false}, {"writeSizeBytes", &long_set, false}, {0}};
static const struct shape storage_set = SHAPE_OF(storage_members);

static const struct shape_member restart_members[] = {{"restartCount", &shape_natural, true}, {0}};
static const struct shape restart_set = SHAPE_OF(restart_members);

static const struct shape counts = SHAPE_LIST_OF(shape_long);
static const struct shape values = SHAPE_LIST_OF(shape_double);
static const struct shape_member general_members[] = {{"metricName", &shape_string, false},
                                                      {"metricValues", &values, false},
                                                      {"metricCounts", &counts, false},
                                                      {"metricValueDouble", &shape_amount, false},
                                                      {"metricValueLong", &shape_natural, false},
                                                      {"metricValueStatsSet", &stats_set, false},
                                                      {"unit", &shape_string, false},
                                                      {0}};
static const struct shape general_metric = SHAPE_OF(general_members);
static const struct shape general_metrics = SHAPE_LIST_OF(general_metric);

static const struct shape_member dimension_members[] = {
    {"key", &shape_string, false}, {"value", &shape_string, false}, {0}};
static const struct shape dimension = SHAPE_OF(dimension_members);
static const struct shape dimensions = SHAPE_LIST_OF(dimension);

static const char *const metric_types[] = {"1", "2", NULL};
static const struct shape metric_type = SHAPE_WORDS(metric_types);
static const struct shape_member wrapper_members[] = {{"dimensions", &dimensions, false},
                                                      {"metricType", &metric_type, false},
                                                      {"generalMetrics", &general_metrics, false},
                                                      {0}};
static const struct shape wrapper = SHAPE_OF(wrapper_members);
static const struct shape wrappers = SHAPE_LIST_OF(wrapper);

static const struct shape_member container_members[] = {{"containerName", &shape_string, false},
                                                        {"containerArn", &shape_string, false},
                                                        {"cpuStatsSet", &stats_set, true},
                                                        {"memoryStatsSet", &stats_set, true},
                                                        {"networkStatsSet", &network_set, false},
                                                        {"storageStatsSet", &storage_set, false},
                                                        {"restartStatsSet", &restart_set, false},
                                                        {"generalMetricsPayload", &wrappers, false},
                                                        {0}};
static const struct shape container_metric = SHAPE_OF(container_members);
static const struct shape container_metrics = SHAPE_LIST_OF(container_metric);

static const struct shape_member volume_members[] = {{"volumeId", &shape_string, false},
                                                     {"volumeName", &shape_string, false},
                                                     {"utilized", &amount_set, false},
                                                     {"size", &amount_set, false},
                                                     {0}};
static const struct shape volume_metric = SHAPE_OF(volume_members);
static const struct shape volume_metrics = SHAPE_LIST_OF(volume_metric);

static const struct shape_member ephemeral_members[] = {{"bytesUtilized", &long_set, false}, {0}};
static const struct shape ephemeral = SHAPE_OF(ephemeral_members);

static const struct shape_member task_members[] = {
    {"taskArn", &shape_string, true},
    {"clusterArn", &shape_string, false}, /* 1.62.2 does not send it */
    {"taskDefinitionFamily", &shape_string, true},
    {"taskDefinitionVersion", &shape_string, true},
    {"containerMetrics", &container_metrics, true},
    {"volumeMetrics", &volume_metrics, false},
    {"ephemeralStorageMetrics", &ephemeral, false},
    {"serviceConnectMetricsWrapper", &wrappers, false},
    {0}};
static const struct shape task_metric = SHAPE_OF(task_members);
static const struct shape task_metrics = {
    .kind = SHAPE_LIST, .item = &task_metric, .max = TCS_TASKS_MAX};

static const struct shape_member metadata_members[] = {
    {"cluster", &shape_string, true},   {"containerInstance", &shape_string, true},
    {"messageId", &shape_string, true}, {"idle", &shape_boolean, true},
    {"fin", &shape_boolean, true},      {0}};
static const struct shape metadata = SHAPE_OF(metadata_members);

static const struct shape_member disk_members[] = {
    {"rootFilesystem", &shape_amount, false}, {"dataFilesystem", &shape_amount, false}, {0}};
static const struct shape disk = SHAPE_OF(disk_members);
static const struct shape_member instance_members[] = {
    {"storage", &disk, false}, {"generalMetricsPayload", &wrappers, false}, {0}};
static const struct shape instance_metrics = SHAPE_OF(instance_members);

static const struct shape_member metrics_members[] = {{"metadata", &metadata, true},
                                                      {"instanceMetrics", &instance_metrics, false},
                                                      {"taskMetrics", &task_metrics, false},
                                                      {"timestamp", &shape_timestamp, true},
                                                      {0}};
static const struct shape metrics = SHAPE_OF(metrics_members);

static const char *const health_words[] = {"HEALTHY", "UNHEALTHY", "UNKNOWN", NULL};
static const struct shape health_word = SHAPE_WORDS(health_words);
static const struct shape_member container_health_members[] = {
    {"containerName", &shape_string, true},
    {"healthStatus", &health_word, true},
    {"statusSince", &shape_timestamp, false},
    {"statusMessage", &shape_string, false},
    {0}};
static const struct shape container_health = SHAPE_OF(container_health_members);
static const struct shape container_healths = SHAPE_LIST_OF(container_health);

static const struct shape_member task_health_members[] = {
    {"taskArn", &shape_string, true},
    {"clusterArn", &shape_string, false},
    {"taskDefinitionFamily", &shape_string, true},
    {"taskDefinitionVersion", &shape_string, true},
    {"containers", &container_healths, true},
    {0}};
static const struct shape task_health = SHAPE_OF(task_health_members);
static const struct shape task_healths = {
    .kind = SHAPE_LIST, .item = &task_health, .max = TCS_TASKS_MAX};

static const struct shape_member health_metadata_members[] = {
    {"cluster", &shape_string, true},
    {"containerInstance", &shape_string, true},
    {"messageId", &shape_string, true},
    {"fin", &shape_boolean, true},
    {0}};
static const struct shape health_metadata = SHAPE_OF(health_metadata_members);
static const struct shape_member health_members[] = {{"metadata", &health_metadata, true},
                                                     {"tasks", &task_healths, true},
                                                     {"timestamp", &shape_timestamp, true},
                                                     {0}};
static const struct shape health = SHAPE_OF(health_members);

static const char *const status_words[] = {"OK", "IMPAIRED", "INSUFFICIENT_DATA", "INITIALIZING",
                                           NULL};
static const struct shape status_word = SHAPE_WORDS(status_words);
static const struct shape_member status_item_members[] = {
    {"type", &shape_string, true},
    {"status", &status_word, true},
    {"statusReason", &shape_string, false},
    {"lastUpdated", &shape_timestamp, true},
    {"lastStatusChange", &shape_timestamp, true},
    {0}};
static const struct shape status_item = SHAPE_OF(status_item_members);
static const struct shape status_items = SHAPE_LIST_OF(status_item);
static const struct shape_member status_metadata_members[] = {
    {"cluster", &shape_string, true},
    {"containerInstance", &shape_string, true},
    {"requestId", &shape_string, true},
    {0}};
static const struct shape status_metadata = SHAPE_OF(status_metadata_members);
static const struct shape_member status_members[] = {{"metadata", &status_metadata, true},
                                                     {"statuses", &status_items, true},
                                                     {"timestamp", &shape_timestamp, true},
                                                     {0}};
static const struct shape status = SHAPE_OF(status_members);

static const struct published {
    const struct shape *shape;
    const char *group;
} kinds[TCS_MESSAGE_MAX] = {
    [TCS_PUBLISH_METRICS] = {&metrics, "metrics"},
    [TCS_PUBLISH_HEALTH] = {&health, "health"},
    [TCS_PUBLISH_INSTANCE_STATUS] = {&status, "status"},
};

/* --- sense ----------------------------------------------------------------------------- */

static int nonsense(char wrong[400], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int nonsense(char wrong[400], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(wrong, 400, fmt, ap);
    va_end(ap);
    return -1;
}

static double number(const json_t *o, const char *member)
{
    return json_number_value(json_object_get(o, member));
}

/* What went over 2^63 stands in the overflow members; then the rest says nothing by itself. */
static bool overflowed(const json_t *set)
{
    return number(set, "overflowMin") > 0 || number(set, "overflowMax") > 0 ||
           number(set, "overflowSum") > 0;
}

static int check_set(const json_t *set, const char *name, char wrong[400])
{
    double min = number(set, "min"), max = number(set, "max"), n = number(set, "sampleCount");
    double sum = number(set, "sum");

    if (!set || json_is_null(set) || overflowed(set))
        return 0;
    if (min > max)
        return nonsense(wrong, "%s: min %g is over max %g", name, min, max);
    if (n < 1)
        return nonsense(wrong, "%s: sampleCount is %g", name, n);
    if (min < 0)
        return nonsense(wrong, "%s: min is %g", name, min);
    if (sum < n * min * (1 - SUM_SLACK) || sum > n * max * (1 + SUM_SLACK))
        return nonsense(wrong, "%s: sum %g of %g samples is not between %g and %g", name, sum, n,
                        n * min, n * max);
    return 0;
}

static int check_sets_of(const json_t *sets, char wrong[400])
{
    const char *name;
    json_t *set;

    json_object_foreach ((json_t *)(uintptr_t)sets, name, set)
        if (json_is_object(set) && check_set(set, name, wrong) < 0)
            return -1;
    return 0;
}

static int check_tasks(const json_t *tasks, char wrong[400])
{
    json_t *task, *c;
    size_t i, k;

    json_array_foreach (tasks, i, task) {
        json_array_foreach (json_object_get(task, "containerMetrics"), k, c) {
            if (check_set(json_object_get(c, "cpuStatsSet"), "cpuStatsSet", wrong) < 0 ||
                check_set(json_object_get(c, "memoryStatsSet"), "memoryStatsSet", wrong) < 0 ||
                check_sets_of(json_object_get(c, "networkStatsSet"), wrong) < 0 ||
                check_sets_of(json_object_get(c, "storageStatsSet"), wrong) < 0)
                return -1;
        }
    }
    return 0;
}

static int check_metrics(const json_t *m, char wrong[400])
{
    const json_t *meta = json_object_get(m, "metadata"), *tasks = json_object_get(m, "taskMetrics");

    if (json_bool(meta, "idle", false) && json_array_size(tasks))
        return nonsense(wrong, "metadata.idle is true, and there are %zu taskMetrics",
                        json_array_size(tasks));
    return check_tasks(tasks, wrong);
}

/* A status is as old as the agent's process at most, and none is from the future. */
static int check_statuses(const json_t *m, int64_t wall, char wrong[400])
{
    double latest = (double)wall / 1e9 + TIMESTAMP_SLACK_S;
    json_t *item;
    size_t i;

    json_array_foreach (json_object_get(m, "statuses"), i, item) {
        double updated = number(item, "lastUpdated"), changed = number(item, "lastStatusChange");

        if ((updated < 0 && fabs(updated - GO_ZERO_TIME) > 0.001) || updated > latest)
            return nonsense(wrong, "statuses[%zu].lastUpdated is %.3f, no time in seconds", i,
                            updated);
        if (changed < 0 || changed > latest)
            return nonsense(wrong, "statuses[%zu].lastStatusChange is %.3f, no time in seconds", i,
                            changed);
    }
    return 0;
}

static int check_common(const json_t *m, const char *instance_arn, int64_t wall, char wrong[400])
{
    const json_t *meta = json_object_get(m, "metadata");
    const char *instance = json_str(meta, "containerInstance");
    const char *id = json_str(meta, "messageId");
    double now = (double)wall / 1e9, stamp = number(m, "timestamp");

    if (!id)
        id = json_str(meta, "requestId");
    if (!id || !*id)
        return nonsense(wrong, "the id of the message is empty");
    if (!str_eq(instance, instance_arn))
        return nonsense(wrong,
                        "metadata.containerInstance is \"%.120s\", the session is that of %s",
                        instance, instance_arn);
    if (stamp < now - TIMESTAMP_SLACK_S || stamp > now + TIMESTAMP_SLACK_S)
        return nonsense(wrong, "timestamp %.3f is more than a day from now (%.3f, in seconds)",
                        stamp, now);
    return 0;
}

const char *tcs_judge(int type, const json_t *message, const char *instance_arn, int64_t wall,
                      char wrong[400])
{
    const struct published *k = &kinds[type];
    const char *name = tcs_message_name((enum tcs_message)type);
    struct shape_error se;
    char reason[400];

    if (!k->shape) {
        nonsense(wrong, "%s is not for an agent to publish", name);
        return NULL;
    }
    if (shape_check(k->shape, message, &se) != SHAPE_FITS) {
        nonsense(wrong, "%s: %s: %s", name, se.where, se.text);
        return NULL;
    }
    if (check_common(message, instance_arn, wall, reason) < 0 ||
        (type == TCS_PUBLISH_METRICS && check_metrics(message, reason) < 0) ||
        (type == TCS_PUBLISH_INSTANCE_STATUS && check_statuses(message, wall, reason) < 0)) {
        nonsense(wrong, "%s: %.350s", name, reason);
        return NULL;
    }
    return k->group;
}
