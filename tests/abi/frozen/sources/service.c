/*
 * Service: counts its periodic calls and the ports it is told of, and sends a datagram with each call. Since 1.1 it asks what
 * became of its datagrams; since 1.2 it has the switch count by VLAN and counts the packets of VLAN n.
 */
#include "frozen.h"

#define ADDRESS "127.0.0.1:9"

struct instance {
    const heddle_host_t *host;
    int64_t n;
    uint32_t ticks, ports, asked, packets;
};

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        return HEDDLE_E_FULL;
    }
    instance->host = host;
    instance->n = frozen_number(config, 1);
    if (instance->n <= 0) {
        heddle_error(error, "n=NUMBER is its only key, from 1 on");
        free(instance);
        return HEDDLE_E_CONFIG;
    }
    if (!frozen_counter(host, "ticks", &instance->ticks) || !frozen_counter(host, "ports", &instance->ports) ||
        !frozen_counter(host, "asked", &instance->asked) || !frozen_counter(host, "packets", &instance->packets)) {
        free(instance);
        return HEDDLE_E_FAILED;
    }
#if HEDDLE_ABI_MINOR >= 2
    if (host->vlan_query(host->context, 0, NULL) != HEDDLE_OK) {
        free(instance);
        return HEDDLE_E_FAILED;
    }
#endif
    host->log(host->context, HEDDLE_LOG_INFO, HEDDLE_TEXT("made"));
    *out = instance;
    return HEDDLE_OK;
}

static void destroy(void *instance)
{
    free(instance);
}

static int32_t tick(void *context, uint64_t now_ns)
{
    const struct instance *instance = context;
    const heddle_host_t *host = instance->host;
    uint32_t ports[4];
    uint32_t count = 0;
    (void)now_ns;
    host->counter_add(host->context, instance->ticks, 1);
    host->send_datagram(host->context, HEDDLE_TEXT(ADDRESS), HEDDLE_TEXT("frozen"));
    if (host->port_list(host->context, ports, 4, &count) == HEDDLE_OK) {
        host->counter_add(host->context, instance->ports, count);
    }
#if HEDDLE_ABI_MINOR >= 1
    heddle_datagram_counts_t counts = {.struct_size = sizeof counts};
    if (host->datagram_counts(host->context, HEDDLE_TEXT(ADDRESS), &counts) == HEDDLE_OK) {
        host->counter_add(host->context, instance->asked, 1);
    }
#endif
#if HEDDLE_ABI_MINOR >= 2
    heddle_vlan_counters_t vlan = {.struct_size = sizeof vlan};
    if (host->vlan_query(host->context, (uint32_t)instance->n, &vlan) == HEDDLE_OK) {
        host->counter_add(host->context, instance->packets, vlan.packets);
    }
#endif
    return HEDDLE_OK;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_SERVICE, 0, "org.heddle.frozen.service", "Frozen service", "The Heddle developers",
                 FROZEN_VERSION);

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .tick = tick,
};
