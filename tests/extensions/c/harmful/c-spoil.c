/*
 * Capture in C that does what a capture may not, to every frame it sees.
 *
 * Keys: `do` = what: frame-byte, verdict, drop, length, destination, mark, hold, clone, make-writable, draft-base (writes
 * where the frame would be if drafts counted from the same base); `leg` = where
 * (default ingress). It counts `attempts`, requests that were `refused`, and frames or descriptors it finds `spoiled`
 * already when it is called, which is none as long as nobody sees what it wrote.
 */
#include <stdlib.h>
#include <string.h>

#include "heddle_extension.h"
#include "../test_config.h"

enum what { FRAME_BYTE, VERDICT, DROP, LENGTH, DESTINATION, MARK, HOLD, CLONE, MAKE_WRITABLE, DRAFT_BASE, WHATS };

static const char *const names[WHATS] = {"frame-byte", "verdict", "drop", "length",       "destination",
                                         "mark",       "hold",    "clone", "make-writable", "draft-base"};

#define SPOILED 0xa5

struct instance {
    const heddle_host_t *host;
    enum what what;
    int legs;
    uint32_t attempts;
    uint32_t refused;
    uint32_t spoiled;
};

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        return HEDDLE_E_FULL;
    }
    size_t length = 0;
    const char *wanted = config_get(config, "do", &length);
    instance->host = host;
    instance->what = WHATS;
    for (int i = 0; wanted != NULL && i < WHATS; i++) {
        if (length == strlen(names[i]) && memcmp(wanted, names[i], length) == 0) {
            instance->what = (enum what)i;
        }
    }
    if (instance->what == WHATS || !config_legs(config, &instance->legs)) {
        heddle_error(error, "do is a kind of harm, leg is ingress, egress or both");
        free(instance);
        return HEDDLE_E_CONFIG;
    }
    if (host->counter_register(host->context, HEDDLE_TEXT("attempts"), HEDDLE_TEXT("times"), &instance->attempts) !=
            HEDDLE_OK ||
        host->counter_register(host->context, HEDDLE_TEXT("refused"), HEDDLE_TEXT("times"), &instance->refused) !=
            HEDDLE_OK ||
        host->counter_register(host->context, HEDDLE_TEXT("spoiled"), HEDDLE_TEXT("frames"), &instance->spoiled) !=
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
    (void)number;
    *out = instance;
    return HEDDLE_OK;
}

static void worker_fini(void *instance, void *worker)
{
    (void)instance;
    (void)worker;
}

static bool is_spoiled(const heddle_packet_t *packet, const uint8_t *frame)
{
    return packet->verdict != HEDDLE_VERDICT_PASS || packet->length == 1 || packet->destination == SPOILED ||
           packet->mark == SPOILED || frame[packet->length - 1] == SPOILED;
}

static void spoil(const struct instance *instance, heddle_batch_t *batch, uint32_t i)
{
    heddle_packet_t *packet = &batch->packets[i];
    uint8_t *frame = (uint8_t *)batch->base + (size_t)packet->buffer * 64 + packet->start;
    const heddle_host_t *host = instance->host;
    heddle_packet_t draft;
    uint64_t handle = 0;
    int32_t status = HEDDLE_OK;
    if (is_spoiled(packet, frame)) {
        host->counter_add(host->context, instance->spoiled, 1);
    }
    switch (instance->what) {
    case FRAME_BYTE:
        frame[packet->length - 1] = SPOILED;
        break;
    case VERDICT:
        packet->verdict = HEDDLE_VERDICT_TO_PORT;
        break;
    case DROP:
        packet->verdict = HEDDLE_VERDICT_DROP;
        packet->drop_reason = 7;
        break;
    case LENGTH:
        packet->length = 1;
        break;
    case DESTINATION:
        packet->destination = SPOILED;
        break;
    case MARK:
        packet->mark = SPOILED;
        break;
    case HOLD:
        status = host->hold(batch->call, i, &handle);
        break;
    case CLONE:
        status = host->clone_packet(batch->call, i, &handle, &draft);
        break;
    case MAKE_WRITABLE:
        status = host->make_writable(batch->call, i);
        break;
    case DRAFT_BASE:
        ((uint8_t *)batch->draft_base)[(size_t)packet->buffer * 64 + packet->start + packet->length - 1] = SPOILED;
        break;
    case WHATS:
        break;
    }
    host->counter_add(host->context, instance->attempts, 1);
    if (status == HEDDLE_E_FORBIDDEN) {
        host->counter_add(host->context, instance->refused, 1);
    }
}

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    const struct instance *instance = context;
    for (uint32_t i = 0; (instance->legs & LEGS_INGRESS) && i < batch->count; i++) {
        spoil(instance, batch, i);
    }
    return HEDDLE_OK;
}

static int32_t egress(void *context, heddle_batch_t *batch)
{
    const struct instance *instance = context;
    for (uint32_t i = 0; (instance->legs & LEGS_EGRESS) && i < batch->count; i++) {
        spoil(instance, batch, i);
    }
    return HEDDLE_OK;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_CAPTURE, 0, "org.heddle.test.c-spoil", "Test: spoil (C)", "The Heddle developers", "1");

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
    .egress = egress,
};
