/*
 * Filter: every nth frame is dropped for a reason of its own, the first frame of a batch is held until the worker's next
 * tick, the second is cloned below it, the third gets an 'F' as its byte 20; on egress it drops deliveries of frames with an
 * 'X' there. It says none of that in its capabilities, as extensions up to ABI 1.4 could. `n` may change while it runs since
 * 1.3; since 1.4 it saves `n` as its state and publishes a policy.
 */
#include "frozen.h"

#define MARK 20

struct instance {
    const heddle_host_t *host;
    int64_t n;
    uint32_t dropped, held, released, cloned, marked, policies;
    uint16_t nth, excluded;
};

struct worker {
    struct instance *instance;
    uint64_t seen;
    uint64_t held;
};

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        return HEDDLE_E_FULL;
    }
    instance->host = host;
    instance->n = frozen_number(config, 4);
    if (instance->n <= 0) {
        heddle_error(error, "n=NUMBER is its only key, from 1 on");
        free(instance);
        return HEDDLE_E_CONFIG;
    }
    if (!frozen_counter(host, "dropped", &instance->dropped) || !frozen_counter(host, "held", &instance->held) ||
        !frozen_counter(host, "released", &instance->released) || !frozen_counter(host, "cloned", &instance->cloned) ||
        !frozen_counter(host, "marked", &instance->marked) || !frozen_counter(host, "policies", &instance->policies) ||
        host->drop_reason_register(host->context, HEDDLE_TEXT("nth"), HEDDLE_TEXT("every nth frame is dropped"),
                                   &instance->nth) != HEDDLE_OK ||
        host->drop_reason_register(host->context, HEDDLE_TEXT("excluded"), HEDDLE_TEXT("the delivery is excluded"),
                                   &instance->excluded) != HEDDLE_OK) {
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

static void count(const struct instance *instance, uint32_t counter)
{
    instance->host->counter_add(instance->host->context, counter, 1);
}

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    struct worker *worker = context;
    const struct instance *instance = worker->instance;
    const heddle_host_t *host = instance->host;
    for (uint32_t i = 0; i < batch->count; i++) {
        heddle_packet_t *packet = &batch->packets[i];
        if ((packet->flags & (HEDDLE_PACKET_CLONE | HEDDLE_PACKET_ORIGINATED)) != 0) {
            continue;
        }
        worker->seen++;
        if (worker->seen % (uint64_t)instance->n == 0) {
            packet->verdict = HEDDLE_VERDICT_DROP;
            packet->drop_reason = instance->nth;
            count(instance, instance->dropped);
        } else if (i == 0 && worker->held == 0 && host->hold(batch->call, i, &worker->held) == HEDDLE_OK) {
            count(instance, instance->held);
        } else if (i == 1) {
            uint64_t draft = 0;
            heddle_packet_t clone;
            if (host->clone_packet(batch->call, i, &draft, &clone) == HEDDLE_OK &&
                host->inject(batch->call, draft, packet->source_port) == HEDDLE_OK) {
                count(instance, instance->cloned);
            }
        } else if (i == 2 && packet->length > MARK && host->make_writable(batch->call, i) == HEDDLE_OK) {
            heddle_packet_writable(batch, packet)[MARK] = 'F';
            if (host->reparse(batch->call, i) == HEDDLE_OK) {
                count(instance, instance->marked);
            }
        }
    }
    return HEDDLE_OK;
}

static int32_t egress(void *context, heddle_batch_t *batch)
{
    const struct worker *worker = context;
    for (uint32_t i = 0; i < batch->count; i++) {
        heddle_packet_t *packet = &batch->packets[i];
        if (packet->length > MARK && heddle_packet_bytes(batch, packet)[MARK] == 'X') {
            packet->verdict = HEDDLE_VERDICT_DROP;
            packet->drop_reason = worker->instance->excluded;
        }
    }
    return HEDDLE_OK;
}

static int32_t worker_tick(void *context, heddle_batch_t *batch)
{
    struct worker *worker = context;
    const struct instance *instance = worker->instance;
    if (worker->held != 0 && instance->host->release(batch->call, worker->held) == HEDDLE_OK) {
        count(instance, instance->released);
    }
    worker->held = 0;
    return HEDDLE_OK;
}

#if HEDDLE_ABI_MINOR >= 3
static int32_t configure(void *context, heddle_bytes_t config, heddle_error_text_t *error)
{
    struct instance *instance = context;
    const int64_t n = frozen_number(config, 4);
    if (n <= 0) {
        heddle_error(error, "n=NUMBER is its only key, from 1 on");
        return HEDDLE_E_CONFIG;
    }
    instance->n = n;
    return HEDDLE_OK;
}

#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

static const heddle_config_key_t KEY = {.name = TEXT("n"),
                                        .unit = TEXT("frames"),
                                        .default_value = TEXT("4"),
                                        .text = TEXT("drops every nth frame"),
                                        .minimum = 1,
                                        .maximum = 1000000,
                                        .kind = HEDDLE_CONFIG_INTEGER};
static const heddle_config_v1_t CONFIG = {
    .struct_size = sizeof(heddle_config_v1_t), .key_count = 1, .keys = &KEY, .configure = configure};
#endif

#if HEDDLE_ABI_MINOR >= 4
static int32_t save(void *context, heddle_state_piece_t *piece, heddle_error_text_t *error)
{
    const struct instance *instance = context;
    (void)error;
    piece->length = 0;
    if (piece->scope == HEDDLE_STATE_INSTANCE && piece->index == 0 && piece->room >= sizeof instance->n) {
        memcpy(piece->data, &instance->n, sizeof instance->n);
        piece->length = sizeof instance->n;
    }
    return HEDDLE_OK;
}

static int32_t restore(void *context, const heddle_state_piece_t *piece, heddle_error_text_t *error)
{
    struct instance *instance = context;
    if (piece->scope != HEDDLE_STATE_INSTANCE || piece->length != sizeof instance->n) {
        heddle_error(error, "eight bytes of the instance are expected");
        return HEDDLE_E_INVALID;
    }
    memcpy(&instance->n, piece->data, sizeof instance->n);
    return HEDDLE_OK;
}

static const heddle_state_v1_t STATE = {.struct_size = sizeof(heddle_state_v1_t),
                                        .version = 1,
                                        .oldest = 1,
                                        .schema = TEXT("org.heddle.frozen.filter"),
                                        .save = save,
                                        .restore = restore};

static int32_t property(void *context, const heddle_property_t *property, heddle_error_text_t *error)
{
    const struct instance *instance = context;
    if (property->values.length > 0 && memchr(property->values.data, '7', property->values.length) != NULL) {
        heddle_error(error, "no sevens");
        return HEDDLE_E_VETO;
    }
    count(instance, instance->policies);
    return HEDDLE_OK;
}

static const heddle_feature_t FEATURE = {.id = TEXT("org.heddle.frozen.limit"),
                                         .text = TEXT("a limit that is counted"),
                                         .keys = &KEY,
                                         .key_count = 1,
                                         .flags = HEDDLE_FEATURE_PORT,
                                         .version = 1 << 16};
static const heddle_policy_v1_t POLICY = {
    .struct_size = sizeof(heddle_policy_v1_t), .feature_count = 1, .features = &FEATURE, .property = property};
#endif

static const void *interface(const char *id)
{
#if HEDDLE_ABI_MINOR >= 3
    if (strcmp(id, "heddle.config/1") == 0) {
        return &CONFIG;
    }
#endif
#if HEDDLE_ABI_MINOR >= 4
    if (strcmp(id, "heddle.state/1") == 0) {
        return &STATE;
    }
    if (strcmp(id, "heddle.policy/1") == 0) {
        return &POLICY;
    }
#endif
    (void)id;
    return NULL;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_FILTER, 0, "org.heddle.frozen.filter", "Frozen filter", "The Heddle developers",
                 FROZEN_VERSION);

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
    .egress = egress,
    .worker_tick = worker_tick,
    .interface = interface,
};
