/*
 * AttachTaskNetworkInterfacesMessage (see acs_dispatch.h): what has to be in it before it is
 * acknowledged. (acs/session/attach_*.go, netlib ValidateENI)
 */
#include <string.h>

#include "agent/acs_dispatch.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"

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

int acs_on_attach_task_eni(struct acs_dispatch *d, const json_t *message, struct err *e)
{
    const json_t *enis = json_object_get(message, "elasticNetworkInterfaces");
    struct arn arn;
    json_t *eni;
    size_t i;

    if (acs_need_ids(message, e) < 0 || arn_parse(json_str(message, "taskArn"), &arn, e) < 0)
        return -1;
    if (json_int(message, "waitTimeoutMs", 0) <= 0)
        return err_set(e, ERR_PARSE, "waitTimeoutMs is missing");
    if (!json_array_size(enis))
        return err_set(e, ERR_PARSE, "there is no network interface in it");
    json_array_foreach ((json_t *)(uintptr_t)enis, i, eni) {
        if (validate_eni(eni, e) < 0)
            return err_wrap(e, "network interface %zu", i);
    }
    log_event(d->log, LOG_INFO, "Network interfaces for a task are announced", "taskArn",
              json_str(message, "taskArn"), NULL);
    return acs_ack(d, message, e);
}
