/*
 * A capture extension that tries what captures may not do: hold, clone and change frames, drop them, inject to destinations of
 * its own, make groups. Each is refused with E_FORBIDDEN, or undone, and counted.
 */
#include <stdlib.h>

#include "heddle_extension.h"

static const heddle_host_t *the_host;

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    uint32_t group = 0;
    (void)config;
    (void)error;
    the_host = host;
    if (host->group_create(host->context, NULL, 0, &group) != HEDDLE_E_FORBIDDEN) {
        return HEDDLE_E_FAILED;
    }
    *out = malloc(1);
    return *out == NULL ? HEDDLE_E_FULL : HEDDLE_OK;
}

static void destroy(void *instance)
{
    free(instance);
}

static int32_t worker_init(void *instance, uint32_t worker, void **out)
{
    (void)worker;
    *out = instance;
    return HEDDLE_OK;
}

static void worker_fini(void *instance, void *context)
{
    (void)instance;
    (void)context;
}

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    const heddle_host_t *host = the_host;
    (void)context;
    for (uint32_t i = 0; i < batch->count; i++) {
        heddle_destination_t to = {.target = 1, .verdict = HEDDLE_VERDICT_TO_PORT};
        heddle_packet_t draft;
        uint64_t handle = 0;
        int32_t refused = host->make_writable(batch->call, i) == HEDDLE_E_FORBIDDEN &&
                          host->hold(batch->call, i, &handle) == HEDDLE_E_FORBIDDEN &&
                          host->clone_packet(batch->call, i, &handle, &draft) == HEDDLE_E_FORBIDDEN;
        if (!refused || host->originate(batch->call, 60, &handle, &draft) != HEDDLE_OK ||
            host->inject_to(batch->call, handle, 0, &to) != HEDDLE_E_FORBIDDEN ||
            host->discard(batch->call, handle, HEDDLE_DROP_REASON_UNSPECIFIED) != HEDDLE_OK) {
            return HEDDLE_E_FAILED;
        }
        batch->packets[i].verdict = HEDDLE_VERDICT_DROP;
    }
    return HEDDLE_OK;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_CAPTURE, 0, "org.heddle.test.greedy", "Test: greedy", "The Heddle developers", "1");

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
};
