/*
 * Forwarding extension in C: a static table of addresses, and a group of all connected ports for the rest.
 *
 * 02:00:00:00:00:NN goes to port NN (1..254); group and all other addresses are flooded. A frame that would leave by
 * the port it came from is dropped as `c-same-port`. Keys: none. The group follows NIC_CONNECT and NIC_DISCONNECT.
 */
#include <stdlib.h>
#include <string.h>

#include "heddle_extension.h"

#define PORTS_MAX 4096

static const uint8_t PREFIX[5] = {2, 0, 0, 0, 0};

struct instance {
    const heddle_host_t *host;
    uint32_t group;
    uint16_t same_port;
    uint16_t too_short;
    uint32_t known;
    uint32_t flooded;
    uint32_t count;
    uint32_t connected[PORTS_MAX];
};

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = NULL;
    if (config.length != 0) {
        heddle_error(error, "c-forward has no keys; leave the configuration empty");
        return HEDDLE_E_CONFIG;
    }
    instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        return HEDDLE_E_FULL;
    }
    instance->host = host;
    if (host->group_create(host->context, instance->connected, 0, &instance->group) != HEDDLE_OK ||
        host->drop_reason_register(host->context, HEDDLE_TEXT("c-same-port"),
                                   HEDDLE_TEXT("the frame would leave by the port it came from"),
                                   &instance->same_port) != HEDDLE_OK ||
        host->drop_reason_register(host->context, HEDDLE_TEXT("c-too-short"),
                                   HEDDLE_TEXT("the frame has no destination address"),
                                   &instance->too_short) != HEDDLE_OK ||
        host->counter_register(host->context, HEDDLE_TEXT("known"), HEDDLE_TEXT("frames"), &instance->known) !=
            HEDDLE_OK ||
        host->counter_register(host->context, HEDDLE_TEXT("flooded"), HEDDLE_TEXT("frames"), &instance->flooded) !=
            HEDDLE_OK) {
        heddle_error(error, "the host makes no more groups, drop reasons or counters");
        free(instance);
        return HEDDLE_E_FAILED;
    }
    *out = instance;
    return HEDDLE_OK;
}

static void destroy(void *instance)
{
    free(instance);
}

/* Workers read nothing of the instance that changes: the context is the instance. */
static int32_t worker_init(void *instance, uint32_t number, void **out)
{
    (void)number;
    *out = instance;
    return HEDDLE_OK;
}

static void worker_fini(void *instance, void *worker)
{
    (void)instance;
    (void)worker;
}

static void forget(struct instance *instance, uint32_t port)
{
    for (uint32_t i = 0; i < instance->count; i++) {
        if (instance->connected[i] == port) {
            instance->connected[i] = instance->connected[--instance->count];
            return;
        }
    }
}

static int32_t event(void *context, const heddle_event_t *event, heddle_error_text_t *error)
{
    struct instance *instance = context;
    const heddle_host_t *host = instance->host;
    if (event->kind == HEDDLE_EVENT_NIC_CREATE && instance->count == PORTS_MAX) {
        heddle_error(error, "c-forward knows 4,096 ports at most; delete another port first");
        return HEDDLE_E_VETO;
    }
    if (event->kind == HEDDLE_EVENT_NIC_CONNECT) {
        forget(instance, event->port);
        if (instance->count < PORTS_MAX) {
            instance->connected[instance->count++] = event->port;
        }
    } else if (event->kind == HEDDLE_EVENT_NIC_DISCONNECT || event->kind == HEDDLE_EVENT_NIC_DELETE) {
        forget(instance, event->port);
    } else {
        return HEDDLE_OK;
    }
    return host->group_update(host->context, instance->group, instance->connected, instance->count);
}

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    const struct instance *instance = context;
    const heddle_host_t *host = instance->host;
    uint64_t known = 0;
    uint64_t flooded = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        heddle_packet_t *packet = &batch->packets[i];
        const uint8_t *frame = heddle_packet_bytes(batch, packet);
        if ((packet->flags & HEDDLE_PACKET_NATIVE_FORWARDING) != 0) {
            continue;
        }
        if (packet->length < 6) {
            packet->verdict = HEDDLE_VERDICT_DROP;
            packet->drop_reason = instance->too_short;
        } else if (memcmp(frame, PREFIX, sizeof PREFIX) != 0 || frame[5] == 0 || frame[5] == 255) {
            packet->verdict = HEDDLE_VERDICT_TO_GROUP;
            packet->destination = instance->group;
            flooded++;
        } else if (packet->source_port == frame[5]) {
            packet->verdict = HEDDLE_VERDICT_DROP;
            packet->drop_reason = instance->same_port;
        } else {
            packet->verdict = HEDDLE_VERDICT_TO_PORT;
            packet->destination = frame[5];
            known++;
        }
    }
    host->counter_add(host->context, instance->known, known);
    host->counter_add(host->context, instance->flooded, flooded);
    return HEDDLE_OK;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_FORWARDING, HEDDLE_CAPABILITY_GROUPS, "org.heddle.test.c-forward",
                 "Test in C: forward by table", "The Heddle developers", "0.1.0");

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
    .event = event,
};
