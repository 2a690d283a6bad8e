/*
 * Filter in C: drops every nth frame and holds the others for some milliseconds, in order, on one leg or both.
 *
 * Keys: `n` = drop every nth frame (default 10; 0 = none), `ms` = hold the others so long (default 5; 0 = do not hold),
 * `leg` = ingress (default), egress or both. Due frames are released at the start of every call and in the worker tick.
 * At most HELD_MAX frames are held per worker; what cannot be held is dropped as `c-hold-refused`, since letting it pass
 * would overtake the held frames of its flow.
 */
#include <stdlib.h>

#include "heddle_extension.h"
#include "test_config.h"

#define HELD_MAX 4096

struct instance {
    const heddle_host_t *host;
    uint64_t n;
    uint64_t delay_ns;
    int legs;
    uint16_t every_nth;
    uint16_t hold_refused;
    uint32_t dropped;
    uint32_t held;
    uint32_t released;
};

struct waiting {
    uint64_t due_ns;
    uint64_t handle;
};

struct worker {
    const struct instance *instance;
    uint64_t seen[2];
    struct waiting ring[HELD_MAX];
    size_t first;
    size_t count;
};

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    uint64_t ms = 0;
    if (instance == NULL) {
        return HEDDLE_E_FULL;
    }
    instance->host = host;
    if (!config_number(config, "n", 10, &instance->n) || !config_number(config, "ms", 5, &ms) ||
        !config_legs(config, &instance->legs)) {
        heddle_error(error, "n and ms are numbers of at most nine digits, leg is ingress, egress or both");
        free(instance);
        return HEDDLE_E_CONFIG;
    }
    instance->delay_ns = ms * 1000000;
    if (host->drop_reason_register(host->context, HEDDLE_TEXT("c-every-nth"),
                                   HEDDLE_TEXT("a test extension in C drops every nth frame"),
                                   &instance->every_nth) != HEDDLE_OK ||
        host->drop_reason_register(host->context, HEDDLE_TEXT("c-hold-refused"),
                                   HEDDLE_TEXT("the frame should be delayed but could not be held"),
                                   &instance->hold_refused) != HEDDLE_OK ||
        host->counter_register(host->context, HEDDLE_TEXT("dropped"), HEDDLE_TEXT("frames"), &instance->dropped) !=
            HEDDLE_OK ||
        host->counter_register(host->context, HEDDLE_TEXT("held"), HEDDLE_TEXT("frames"), &instance->held) !=
            HEDDLE_OK ||
        host->counter_register(host->context, HEDDLE_TEXT("released"), HEDDLE_TEXT("frames"), &instance->released) !=
            HEDDLE_OK) {
        heddle_error(error, "the host registers no more drop reasons or counters");
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

static void release_due(struct worker *worker, const heddle_batch_t *batch)
{
    const struct instance *instance = worker->instance;
    const heddle_host_t *host = instance->host;
    uint64_t released = 0;
    while (worker->count > 0 && worker->ring[worker->first].due_ns <= batch->now_ns) {
        /* A stale handle means that the host took the frame back: port deleted, or too old. */
        if (host->release(batch->call, worker->ring[worker->first].handle) == HEDDLE_OK) {
            released++;
        }
        worker->first = (worker->first + 1) % HELD_MAX;
        worker->count--;
    }
    if (released > 0) {
        host->counter_add(host->context, instance->released, released);
    }
}

static int hold(struct worker *worker, const heddle_batch_t *batch, uint32_t index)
{
    const struct instance *instance = worker->instance;
    uint64_t handle = 0;
    if (worker->count == HELD_MAX || instance->host->hold(batch->call, index, &handle) != HEDDLE_OK) {
        return 0;
    }
    worker->ring[(worker->first + worker->count) % HELD_MAX] =
        (struct waiting){batch->now_ns + instance->delay_ns, handle};
    worker->count++;
    return 1;
}

static int32_t run(struct worker *worker, heddle_batch_t *batch, int leg, uint64_t *seen)
{
    const struct instance *instance = worker->instance;
    const heddle_host_t *host = instance->host;
    uint64_t dropped = 0;
    uint64_t held = 0;
    release_due(worker, batch);
    if ((instance->legs & leg) == 0) {
        return HEDDLE_OK;
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        heddle_packet_t *packet = &batch->packets[i];
        (*seen)++;
        if (instance->n != 0 && *seen % instance->n == 0) {
            packet->verdict = HEDDLE_VERDICT_DROP;
            packet->drop_reason = instance->every_nth;
            dropped++;
        } else if (instance->delay_ns != 0) {
            if (hold(worker, batch, i)) {
                held++;
            } else {
                packet->verdict = HEDDLE_VERDICT_DROP;
                packet->drop_reason = instance->hold_refused;
            }
        }
    }
    host->counter_add(host->context, instance->dropped, dropped);
    host->counter_add(host->context, instance->held, held);
    return HEDDLE_OK;
}

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    struct worker *worker = context;
    return run(worker, batch, LEGS_INGRESS, &worker->seen[0]);
}

static int32_t egress(void *context, heddle_batch_t *batch)
{
    struct worker *worker = context;
    return run(worker, batch, LEGS_EGRESS, &worker->seen[1]);
}

static int32_t worker_tick(void *context, heddle_batch_t *batch)
{
    release_due(context, batch);
    return HEDDLE_OK;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_FILTER, HEDDLE_CAPABILITY_HOLD, "org.heddle.test.c-drop-hold", "Test in C: drop and hold",
                 "The Heddle developers", "0.1.0");

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
    .egress = egress,
    .worker_tick = worker_tick,
};
