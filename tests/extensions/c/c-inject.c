/*
 * Filter in C: clones every nth frame and injects the clone below itself, and originates frames of its own.
 *
 * Keys: `n` = clone every nth frame (default 10; 0 = none), `originate` = originate one with every nth frame (default 0
 * = none), `leg` = where frames are cloned and counted. Clones and originated frames are not cloned again. An originated
 * frame is a 60-byte broadcast of EtherType 0x88b5 (IEEE local experimental) from 02:00:00:00:00:02, with its number as
 * eight bytes in network order from offset 14 on, trusted.
 */
#include <stdlib.h>
#include <string.h>

#include "heddle_extension.h"
#include "test_config.h"

#define FRAME_LENGTH 60

struct instance {
    const heddle_host_t *host;
    uint64_t clone_every;
    uint64_t originate_every;
    int legs;
    uint32_t clones;
    uint32_t originated;
    uint32_t refused;
};

struct worker {
    const struct instance *instance;
    uint64_t seen;
    uint64_t number;
};

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        return HEDDLE_E_FULL;
    }
    instance->host = host;
    if (!config_number(config, "n", 10, &instance->clone_every) ||
        !config_number(config, "originate", 0, &instance->originate_every) ||
        !config_legs(config, &instance->legs)) {
        heddle_error(error, "n and originate are numbers of at most nine digits, leg is ingress, egress or both");
        free(instance);
        return HEDDLE_E_CONFIG;
    }
    if (host->counter_register(host->context, HEDDLE_TEXT("clones"), HEDDLE_TEXT("frames"), &instance->clones) !=
            HEDDLE_OK ||
        host->counter_register(host->context, HEDDLE_TEXT("originated"), HEDDLE_TEXT("frames"),
                               &instance->originated) != HEDDLE_OK ||
        host->counter_register(host->context, HEDDLE_TEXT("refused"), HEDDLE_TEXT("frames"), &instance->refused) !=
            HEDDLE_OK) {
        heddle_error(error, "the host registers no more counters");
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
    struct worker *worker = calloc(1, sizeof *worker);
    (void)number;
    if (worker == NULL) {
        return HEDDLE_E_FULL;
    }
    worker->instance = instance;
    *out = worker;
    return HEDDLE_OK;
}

static void worker_fini(void *instance, void *worker)
{
    (void)instance;
    free(worker);
}

/* Injects a draft; one that is refused goes back to the pool. */
static int inject(const heddle_host_t *host, const heddle_batch_t *batch, uint64_t draft, uint32_t source_port)
{
    if (host->inject(batch->call, draft, source_port) == HEDDLE_OK) {
        return 1;
    }
    host->discard(batch->call, draft, HEDDLE_DROP_REASON_UNSPECIFIED);
    return 0;
}

static int inject_clone(const heddle_host_t *host, const heddle_batch_t *batch, uint32_t index)
{
    uint64_t draft = 0;
    heddle_packet_t packet;
    if (host->clone_packet(batch->call, index, &draft, &packet) != HEDDLE_OK) {
        return 0;
    }
    return inject(host, batch, draft, batch->packets[index].source_port);
}

static int originate(struct worker *worker, const heddle_batch_t *batch)
{
    static const uint8_t HEADER[14] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
    const heddle_host_t *host = worker->instance->host;
    uint64_t draft = 0;
    heddle_packet_t packet;
    uint8_t *frame = NULL;
    if (host->originate(batch->call, FRAME_LENGTH, &draft, &packet) != HEDDLE_OK) {
        return 0;
    }
    frame = heddle_draft_bytes(batch, &packet);
    memset(frame, 0, FRAME_LENGTH);
    memcpy(frame, HEADER, sizeof HEADER);
    for (int i = 0; i < 8; i++) {
        frame[14 + i] = (uint8_t)(worker->number >> (56 - 8 * i));
    }
    if (!inject(host, batch, draft, 0)) {
        return 0;
    }
    worker->number++;
    return 1;
}

static int32_t run(struct worker *worker, const heddle_batch_t *batch)
{
    const struct instance *instance = worker->instance;
    const heddle_host_t *host = instance->host;
    for (uint32_t i = 0; i < batch->count; i++) {
        const heddle_packet_t *packet = &batch->packets[i];
        if ((packet->flags & (HEDDLE_PACKET_CLONE | HEDDLE_PACKET_ORIGINATED)) != 0) {
            continue;
        }
        worker->seen++;
        if (instance->clone_every != 0 && worker->seen % instance->clone_every == 0) {
            const int done = inject_clone(host, batch, i);
            host->counter_add(host->context, done ? instance->clones : instance->refused, 1);
        }
        if (instance->originate_every != 0 && worker->seen % instance->originate_every == 0) {
            const int done = originate(worker, batch);
            host->counter_add(host->context, done ? instance->originated : instance->refused, 1);
        }
    }
    return HEDDLE_OK;
}

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    struct worker *worker = context;
    return (worker->instance->legs & LEGS_INGRESS) != 0 ? run(worker, batch) : HEDDLE_OK;
}

static int32_t egress(void *context, heddle_batch_t *batch)
{
    struct worker *worker = context;
    return (worker->instance->legs & LEGS_EGRESS) != 0 ? run(worker, batch) : HEDDLE_OK;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_FILTER, HEDDLE_CAPABILITY_INJECT, "org.heddle.test.c-inject",
                 "Test in C: clone and originate", "The Heddle developers", "0.1.0");

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
    .egress = egress,
};
