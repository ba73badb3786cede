/*
 * AttachTaskNetworkInterfacesMessage, AttachInstanceNetworkInterfacesMessage and
 * ConfirmAttachmentMessage (see acs_dispatch.h): what has to be in them before they are
 * acknowledged and recorded. (acs/session/attach_*.go, netlib ValidateENI)
 */
#include <string.h>

#include "agent/acs_dispatch.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"

#define CONFIRM_WAIT_MS 300000
#define WAIT_MAX_MS     (INT64_C(30) * 24 * 3600 * 1000) /* ours: no time runs over */

static bool filled(const json_t *o, const char *member)
{
    const char *s = json_str(o, member);

    return s && *s;
}

static int validate_vlan(const json_t *eni, struct err *e)
{
    const json_t *vlan = json_object_get(eni, "interfaceVlanProperties");

    if (!filled(vlan, "vlanId") || !filled(vlan, "trunkInterfaceMacAddress"))
        return err_set(e, ERR_PARSE, "vlanId or trunkInterfaceMacAddress is missing");
    return 0;
}

static int validate_eni(const json_t *eni, struct err *e)
{
    const char *protocol = json_str(eni, "interfaceAssociationProtocol");
    const char *gateway = json_str(eni, "subnetGatewayIpv4Address");
    const json_t *v4 = json_object_get(eni, "ipv4Addresses");
    const json_t *v6 = json_object_get(eni, "ipv6Addresses");

    if (!filled(eni, "macAddress") || !filled(eni, "ec2Id"))
        return err_set(e, ERR_PARSE, "macAddress or ec2Id is missing");
    if (!json_array_size(v4) && (!json_array_size(v6) || !filled(eni, "subnetGatewayIpv6Address")))
        return err_set(e, ERR_PARSE, "there is no address");
    if (json_array_size(v4) && (!gateway || !strchr(gateway, '/')))
        return err_set(e, ERR_PARSE, "subnetGatewayIpv4Address is no address/prefix");
    if (!protocol || str_eq(protocol, "default"))
        return 0;
    if (!str_eq(protocol, "vlan"))
        return err_set(e, ERR_PARSE, "the association protocol %.40s is not known", protocol);
    return validate_vlan(eni, e);
}

/* One record for each interface. What cannot be recorded is logged: the message was understood. */
static void record(struct acs_dispatch *d, const json_t *message, const char *task_arn)
{
    json_t *eni;
    size_t i;

    json_array_foreach (json_object_get(message, "elasticNetworkInterfaces"), i, eni) {
        const char *arn = json_str(eni, "attachmentArn"), *mac = json_str(eni, "macAddress");
        const struct attachment_new n = {
            .arn = arn && *arn ? arn : mac,
            .task_arn = task_arn,
            .mac = mac,
            .wait = json_int(message, "waitTimeoutMs", 0) * NS_PER_MS,
        };
        struct err e = ERR_INIT;

        if (d->ops->attach(d->user, &n, &e) < 0)
            log_event(d->log, LOG_ERROR, "A network interface is not recorded", "mac", mac, "error",
                      e.text, NULL);
    }
}

static int need_interfaces(const json_t *message, struct err *e)
{
    const json_t *enis = json_object_get(message, "elasticNetworkInterfaces");
    int64_t wait = json_int(message, "waitTimeoutMs", 0);
    json_t *eni;
    size_t i;

    if (wait <= 0 || wait > WAIT_MAX_MS)
        return err_set(e, ERR_PARSE, "waitTimeoutMs is missing, or out of range");
    if (!json_array_size(enis))
        return err_set(e, ERR_PARSE, "there is no network interface in it");
    json_array_foreach ((json_t *)(uintptr_t)enis, i, eni) {
        if (validate_eni(eni, e) < 0)
            return err_wrap(e, "network interface %zu", i);
    }
    return 0;
}

int acs_on_attach_task_eni(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    struct arn arn;

    if (acs_need_ids(message, e) < 0 || arn_parse(json_str(message, "taskArn"), &arn, e) < 0 ||
        need_interfaces(message, e) < 0)
        return -1;
    record(d, message, json_str(message, "taskArn"));
    return acs_ack(d, message, e);
}

int acs_on_attach_instance_eni(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    if (acs_need_ids(message, e) < 0 || need_interfaces(message, e) < 0)
        return -1;
    record(d, message, NULL);
    return acs_ack(d, message, e);
}

/* ---- volumes and the like (attach_resource_responder.go) ---- */

int acs_on_confirm_attachment(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    const json_t *attachment = json_object_get(message, "attachment");
    int64_t wait = json_int(message, "waitTimeoutMs", 0);
    struct attachment_new n = {
        .arn = json_str(attachment, "attachmentArn"),
        .task_arn = json_str(message, "taskArn"),
        .wait = (wait > 0 && wait <= WAIT_MAX_MS ? wait : CONFIRM_WAIT_MS) * NS_PER_MS,
    };
    struct arn arn;

    if (acs_need_ids(message, e) < 0 || arn_parse(n.task_arn, &arn, e) < 0 ||
        arn_parse(n.arn, &arn, e) < 0)
        return -1;
    if (!json_array_size(json_object_get(attachment, "attachmentProperties")))
        return err_set(e, ERR_PARSE, "the attachment has no properties");
    if (d->ops->attach(d->user, &n, e) < 0)
        return -1;
    return acs_ack(d, message, e);
}
