/* A filter that does nothing: what every mutant is made from. */
#include "heddle_extension.h"

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    static int instance;
    (void)host;
    (void)config;
    (void)error;
    *out = &instance;
    return HEDDLE_OK;
}

static void destroy(void *instance)
{
    (void)instance;
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
    (void)context;
    (void)batch;
    return HEDDLE_OK;
}

#ifndef MUTANT_ROLE
#define MUTANT_ROLE HEDDLE_ROLE_FILTER
#endif
#ifndef MUTANT_CAPABILITIES
#define MUTANT_CAPABILITIES 0
#endif
#ifndef MUTANT_ID
#define MUTANT_ID "org.heddle.test.mutant"
#endif
#ifndef MUTANT_STRUCT_SIZE
#define MUTANT_STRUCT_SIZE sizeof(heddle_extension_v1_t)
#endif

HEDDLE_EXTENSION(MUTANT_ROLE, MUTANT_CAPABILITIES, MUTANT_ID, "Mutant", "The Heddle developers", "0.1.0");

#ifndef MUTANT_NO_ENTRY
HEDDLE_EXPORT const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = MUTANT_STRUCT_SIZE,
#ifndef MUTANT_NO_CREATE
    .create = create,
#endif
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
};
#endif
