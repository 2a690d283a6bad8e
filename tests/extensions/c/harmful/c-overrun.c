/*
 * A filter that touches what it was not lent, as `do` says, at each frame on the ingress leg (`leg=egress`: there).
 * In a switch without the debug mode most of it goes by unnoticed. By default it touches nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "../test_config.h"

enum sin {
    NOTHING,
    READ_BEHIND,
    READ_BEFORE,
    WRITE_BEHIND,
    WRITE_BEFORE,
    WRITE_FAR,
    WRITE_FRAME,
    WRITE_HEADROOM,
    PACKETS_BEHIND,
    PACKETS_BEFORE,
    FACTS_BEHIND,
    FACTS_WRITE,
    BATCH_WRITE,
    AFTER_MOVE,
    AFTER_HOLD,
    AFTER_CALL,
    DRAFT_BEHIND,
    DRAFT_BEFORE,
    DRAFT_AFTER,
    SINS,
};

static const char *const NAMES[SINS] = {
    "nothing",        "read-behind",    "read-before",  "write-behind", "write-before", "write-far",    "write-frame",
    "write-headroom", "packets-behind", "packets-before", "facts-behind", "facts-write",  "batch-write",  "after-move",
    "after-hold",     "after-call",     "draft-behind", "draft-before", "draft-after",
};

struct instance {
    const heddle_host_t *host;
    enum sin sin;
    int on_egress;
};

struct worker {
    struct instance *instance;
    volatile uint8_t *kept;
    volatile uint8_t sink;
};

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    const char *value;
    size_t length = 0;
    (void)error;
    if (instance == NULL) {
        return HEDDLE_E_FULL;
    }
    instance->host = host;
    if ((value = config_get(config, "do", &length)) != NULL) {
        for (int sin = 0; sin < SINS; sin++) {
            if (length == strlen(NAMES[sin]) && memcmp(value, NAMES[sin], length) == 0) {
                instance->sin = (enum sin)sin;
            }
        }
    }
    instance->on_egress = config_get(config, "leg", &length) != NULL && length == 6;
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

static volatile uint8_t *frame_of(heddle_batch_t *batch, uint32_t index)
{
    return batch->base + (size_t)batch->packets[index].buffer * 64 + batch->packets[index].start;
}

static void draft(struct worker *worker, heddle_batch_t *batch)
{
    const heddle_host_t *host = worker->instance->host;
    heddle_packet_t packet;
    uint64_t handle;
    volatile uint8_t *bytes;
    if (host->originate(batch->call, 60, &handle, &packet) != HEDDLE_OK) {
        return;
    }
    bytes = batch->draft_base + (size_t)packet.buffer * 64 + packet.start;
    memcpy((void *)bytes, "\x02\0\0\0\0\x01\x02\0\0\0\0\x09\x88\xb5", 14);
    if (worker->instance->sin == DRAFT_BEHIND) {
        bytes[60] = 1;
    }
    if (worker->instance->sin == DRAFT_BEFORE) {
        bytes[-1] = 1;
    }
    host->inject(batch->call, handle, 0);
    if (worker->instance->sin == DRAFT_AFTER) {
        bytes[20] = 1;
    }
}

__attribute__((noinline)) static void commit(struct worker *worker, heddle_batch_t *batch, uint32_t i)
{
    const heddle_host_t *host = worker->instance->host;
    volatile heddle_packet_t *packets = batch->packets;
    volatile uint8_t *frame = frame_of(batch, i);
    uint32_t length = packets[i].length;
    uint64_t handle;
    switch (worker->instance->sin) {
    case READ_BEHIND:
        worker->sink = frame[length];
        break;
    case READ_BEFORE:
        if (packets[i].buffer != 0) {
            worker->sink = frame[-(int)packets[i].start - 1];
        }
        break;
    case WRITE_BEHIND:
    case WRITE_BEFORE:
    case WRITE_FAR:
        if (host->make_writable(batch->call, i) == HEDDLE_OK) {
            frame = frame_of(batch, i);
            if (worker->instance->sin == WRITE_BEHIND) {
                frame[length] = 1;
            } else if (worker->instance->sin == WRITE_BEFORE) {
                /* In front of the first buffer of all may be anything. */
                if (packets[i].buffer != 0) {
                    frame[-(int)packets[i].start - 1] = 1;
                }
            } else {
                frame[2112 + 200] = 1;
            }
        }
        break;
    case WRITE_FRAME:
        frame[length - 1] ^= 1;
        break;
    case WRITE_HEADROOM:
        frame[-1] = 1;
        break;
    case PACKETS_BEHIND:
        worker->sink = packets[batch->count].verdict;
        break;
    case PACKETS_BEFORE:
        ((volatile uint8_t *)packets)[-1] = 1;
        break;
    case FACTS_BEHIND:
        worker->sink = ((volatile const heddle_offload_facts_t *)batch->offload)[batch->count].gso;
        break;
    case FACTS_WRITE:
        ((volatile heddle_offload_facts_t *)(uintptr_t)batch->offload)[0].gso = 0;
        break;
    case BATCH_WRITE:
        ((volatile heddle_batch_t *)batch)->now_ns = 1;
        break;
    case AFTER_MOVE:
        if (host->make_writable(batch->call, i) == HEDDLE_OK) {
            worker->sink = frame[0];
        }
        break;
    case AFTER_HOLD:
        if (host->hold(batch->call, i, &handle) == HEDDLE_OK) {
            worker->sink = frame[0];
            host->release(batch->call, handle);
        }
        break;
    case AFTER_CALL:
        if (worker->kept != NULL) {
            worker->sink = *worker->kept;
        }
        worker->kept = frame;
        break;
    case DRAFT_BEHIND:
    case DRAFT_BEFORE:
    case DRAFT_AFTER:
        draft(worker, batch);
        break;
    default:
        break;
    }
}

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    struct worker *worker = context;
    for (uint32_t i = 0; i < batch->count && !worker->instance->on_egress; i++) {
        commit(worker, batch, i);
    }
    return HEDDLE_OK;
}

static int32_t egress(void *context, heddle_batch_t *batch)
{
    struct worker *worker = context;
    for (uint32_t i = 0; i < batch->count && worker->instance->on_egress; i++) {
        commit(worker, batch, i);
    }
    return HEDDLE_OK;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_FILTER, HEDDLE_CAPABILITY_OFFLOAD_FACTS | HEDDLE_CAPABILITY_MODIFY | HEDDLE_CAPABILITY_HOLD | HEDDLE_CAPABILITY_INJECT,
                 "org.heddle.test.c-overrun", "Test: touches what it was not lent", "The Heddle developers", "1");

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
    .egress = egress,
};
