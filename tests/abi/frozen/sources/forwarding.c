/*
 * Forwarding: a frame to 02:00:00:00:00:NN goes to the NNth connected port, every other one to a group of all of them; a frame
 * for the port it came from is dropped for a reason of its own. It makes its group without saying so in its capabilities, as
 * extensions up to ABI 1.4 could. Since 1.4 it refers to each port until its teardown, counts completed creations, and sends
 * a clone of each frame to NN = 200 to the first port.
 */
#include "frozen.h"

#define PORTS_MAX 64

struct instance {
    const heddle_host_t *host;
    uint32_t group, known, flooded, completed, sent, count;
    uint16_t same_port;
    uint32_t ports[PORTS_MAX];
};

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        return HEDDLE_E_FULL;
    }
    instance->host = host;
    if (config.length != 0) {
        heddle_error(error, "it has no keys; leave the configuration empty");
        free(instance);
        return HEDDLE_E_CONFIG;
    }
    if (host->group_create(host->context, instance->ports, 0, &instance->group) != HEDDLE_OK ||
        host->drop_reason_register(host->context, HEDDLE_TEXT("same-port"), HEDDLE_TEXT("it would leave where it came from"),
                                   &instance->same_port) != HEDDLE_OK ||
        !frozen_counter(host, "known", &instance->known) || !frozen_counter(host, "flooded", &instance->flooded) ||
        !frozen_counter(host, "completed", &instance->completed) || !frozen_counter(host, "sent", &instance->sent)) {
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
        if (instance->ports[i] == port) {
            memmove(&instance->ports[i], &instance->ports[i + 1], (--instance->count - i) * sizeof *instance->ports);
            return;
        }
    }
}

static int32_t event(void *context, const heddle_event_t *event, heddle_error_text_t *error)
{
    struct instance *instance = context;
    const heddle_host_t *host = instance->host;
    heddle_port_info_t info = {.struct_size = sizeof info};
    (void)error;
#if HEDDLE_ABI_MINOR >= 4
    if (event->kind == HEDDLE_EVENT_PORT_CREATE) {
        return host->port_reference(host->context, event->port);
    }
    if (event->kind == HEDDLE_EVENT_PORT_TEARDOWN) {
        return host->port_dereference(host->context, event->port);
    }
#endif
    if (event->kind == HEDDLE_EVENT_NIC_CONNECT && instance->count < PORTS_MAX &&
        host->port_query(host->context, event->port, &info) == HEDDLE_OK && info.port == event->port) {
        forget(instance, event->port);
        instance->ports[instance->count++] = event->port;
    } else if (event->kind == HEDDLE_EVENT_NIC_DISCONNECT) {
        forget(instance, event->port);
    } else {
        return HEDDLE_OK;
    }
    return host->group_update(host->context, instance->group, instance->ports, instance->count);
}

#if HEDDLE_ABI_MINOR >= 4
static void completed(void *context, const heddle_event_t *event, int32_t status)
{
    const struct instance *instance = context;
    (void)event;
    if (status == HEDDLE_OK) {
        instance->host->counter_add(instance->host->context, instance->completed, 1);
    }
}

static void send_clone(const struct instance *instance, heddle_batch_t *batch, uint32_t index)
{
    const heddle_host_t *host = instance->host;
    const heddle_destination_t first = {.target = instance->ports[0], .verdict = HEDDLE_VERDICT_TO_PORT};
    uint64_t draft = 0;
    heddle_packet_t clone;
    if (host->clone_packet(batch->call, index, &draft, &clone) == HEDDLE_OK &&
        host->inject_to(batch->call, draft, 0, &first) == HEDDLE_OK) {
        host->counter_add(host->context, instance->sent, 1);
    }
}
#endif

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    static const uint8_t PREFIX[5] = {2, 0, 0, 0, 0};
    const struct instance *instance = context;
    const heddle_host_t *host = instance->host;
    for (uint32_t i = 0; i < batch->count; i++) {
        heddle_packet_t *packet = &batch->packets[i];
        const uint8_t *frame = heddle_packet_bytes(batch, packet);
        const uint32_t number = packet->length > 5 && memcmp(frame, PREFIX, sizeof PREFIX) == 0 ? frame[5] : 0;
#if HEDDLE_ABI_MINOR >= 4
        if (number == 200) {
            send_clone(instance, batch, i);
        }
#endif
        if (number == 0 || number > instance->count) {
            packet->verdict = HEDDLE_VERDICT_TO_GROUP;
            packet->destination = instance->group;
            host->counter_add(host->context, instance->flooded, 1);
        } else if (instance->ports[number - 1] == packet->source_port) {
            packet->verdict = HEDDLE_VERDICT_DROP;
            packet->drop_reason = instance->same_port;
        } else {
            packet->verdict = HEDDLE_VERDICT_TO_PORT;
            packet->destination = instance->ports[number - 1];
            host->counter_add(host->context, instance->known, 1);
        }
    }
    return HEDDLE_OK;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_FORWARDING, 0, "org.heddle.frozen.forwarding", "Frozen forwarding", "The Heddle developers",
                 FROZEN_VERSION);

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
    .event = event,
#if HEDDLE_ABI_MINOR >= 4
    .completed = completed,
#endif
};
