/*
 * Capture: counts frames and their bytes on both legs, samples every second frame, and originates one frame for each
 * batch it sees on ingress without saying so in its capabilities, as extensions up to ABI 1.4 could. Since 1.1 it counts the
 * drops it is told of.
 */
#include "frozen.h"

struct instance {
    const heddle_host_t *host;
    uint32_t entered, bytes, left, sampled, dropped;
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
    if (!frozen_counter(host, "entered", &instance->entered) || !frozen_counter(host, "bytes", &instance->bytes) ||
        !frozen_counter(host, "left", &instance->left) || !frozen_counter(host, "sampled", &instance->sampled) ||
        !frozen_counter(host, "drops-told", &instance->dropped)) {
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

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    static const uint8_t FRAME[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x88, 0xb5, 'f', 'z'};
    const struct instance *instance = context;
    const heddle_host_t *host = instance->host;
    uint64_t bytes = 0;
    uint64_t draft = 0;
    heddle_packet_t packet;
    for (uint32_t i = 0; i < batch->count; i++) {
        if ((batch->packets[i].flags & HEDDLE_PACKET_ORIGINATED) != 0) {
            return HEDDLE_OK;
        }
        bytes += batch->packets[i].length;
    }
    host->counter_add(host->context, instance->entered, batch->count);
    host->counter_add(host->context, instance->bytes, bytes);
    if (host->originate(batch->call, 60, &draft, &packet) == HEDDLE_OK) {
        memcpy(heddle_draft_bytes(batch, &packet), FRAME, sizeof FRAME);
        host->inject(batch->call, draft, 0);
    }
    return HEDDLE_OK;
}

static int32_t egress(void *context, heddle_batch_t *batch)
{
    const struct instance *instance = context;
    instance->host->counter_add(instance->host->context, instance->left, batch->count);
    return HEDDLE_OK;
}

static int32_t sampled(void *context, void *call, const heddle_sample_t *sample)
{
    const struct instance *instance = context;
    (void)call;
    (void)sample;
    instance->host->counter_add(instance->host->context, instance->sampled, 1);
    return HEDDLE_OK;
}

static uint32_t next_skip(void *context)
{
    (void)context;
    return 1;
}

static const heddle_sampling_v1_t SAMPLING = {
    .struct_size = sizeof(heddle_sampling_v1_t), .header_bytes = 64, .sampled = sampled, .next_skip = next_skip};

#if HEDDLE_ABI_MINOR >= 1
static int32_t dropped(void *context, const heddle_dropped_t *drop)
{
    const struct instance *instance = context;
    (void)drop;
    instance->host->counter_add(instance->host->context, instance->dropped, 1);
    return HEDDLE_OK;
}

static uint32_t drops_wanted(void *context)
{
    (void)context;
    return 64;
}

static const heddle_drops_v1_t DROPS = {
    .struct_size = sizeof(heddle_drops_v1_t), .dropped = dropped, .wanted = drops_wanted};
#endif

static const void *interface(const char *id)
{
    if (strcmp(id, "heddle.sampling/1") == 0) {
        return &SAMPLING;
    }
#if HEDDLE_ABI_MINOR >= 1
    if (strcmp(id, "heddle.drops/1") == 0) {
        return &DROPS;
    }
#endif
    return NULL;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_CAPTURE, 0, "org.heddle.frozen.capture", "Frozen capture", "The Heddle developers",
                 FROZEN_VERSION);

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
    .egress = egress,
    .interface = interface,
};
