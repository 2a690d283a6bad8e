/* A capture extension that drops every frame, which a capture may not: the host undoes it and counts a violation. */
#include <stdlib.h>

#include "heddle_extension.h"

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    (void)host;
    (void)config;
    (void)error;
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
    (void)context;
    for (uint32_t i = 0; i < batch->count; i++) {
        batch->packets[i].verdict = HEDDLE_VERDICT_DROP;
    }
    return HEDDLE_OK;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_CAPTURE, 0, "org.heddle.test.unruly", "Test: unruly", "The Heddle developers", "1");

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
};
