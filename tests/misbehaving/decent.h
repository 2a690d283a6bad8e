/*
 * A well-behaved extension of any role. A misbehaving one says where it differs and includes this.
 *
 * ROLE and CAPABILITIES are its own. Statements go into ON_CREATE, ON_DESTROY, ON_WORKER_INIT, ON_WORKER_FINI, ON_EVENT,
 * ON_TICK, ON_WORKER_TICK, ON_INGRESS and ON_EGRESS (before the packets), ON_IN and ON_OUT (for each packet) and
 * AFTER_INGRESS; what they may use is in scope there: host, instance, worker, batch, packet, index, bytes, event. A
 * forwarding extension floods through a group of all connected ports. With WITH_CONFIG, WITH_SAMPLING, WITH_STATE or
 * WITH_POLICY it offers that interface; with ON_COMPLETED it asks to be told how requests end.
 */
#ifndef DECENT_H
#define DECENT_H

#include <stdlib.h>
#include <string.h>

#include "heddle_extension.h"

#ifndef ROLE
#define ROLE HEDDLE_ROLE_FILTER
#endif
#ifndef CAPABILITIES
#define CAPABILITIES (ROLE == HEDDLE_ROLE_FORWARDING ? HEDDLE_CAPABILITY_GROUPS : 0)
#endif
#ifndef ON_CREATE
#define ON_CREATE
#endif
#ifndef ON_DESTROY
#define ON_DESTROY
#endif
#ifndef ON_WORKER_INIT
#define ON_WORKER_INIT
#endif
#ifndef ON_WORKER_FINI
#define ON_WORKER_FINI free(worker);
#endif
#ifndef ON_EVENT
#define ON_EVENT
#endif
#ifndef ON_TICK
#define ON_TICK
#endif
#ifndef ON_WORKER_TICK
#define ON_WORKER_TICK
#endif
#ifndef ON_INGRESS
#define ON_INGRESS
#endif
#ifndef AFTER_INGRESS
#define AFTER_INGRESS
#endif
#ifndef ON_EGRESS
#define ON_EGRESS
#endif
#ifndef ON_IN
#define ON_IN
#endif
#ifndef ON_OUT
#define ON_OUT
#endif
#ifndef FORGET
#define FORGET forget(instance, event->port);
#endif
#ifndef LEAVES_NATIVE
#define LEAVES_NATIVE ((packet->flags & HEDDLE_PACKET_NATIVE_FORWARDING) != 0)
#endif
#ifndef GROUP_FAILS
#define GROUP_FAILS goto refused;
#endif
#ifndef COUNTER_FAILS
#define COUNTER_FAILS goto refused;
#endif
#ifndef REASON_FAILS
#define REASON_FAILS goto refused;
#endif
#ifndef INTERFACE
#define INTERFACE
#endif

#define PORTS_MAX 512
#define IS_ARP (packet->ethertype == 0x0806)

struct instance {
    const heddle_host_t *host;
    uint32_t counter;
    uint16_t reason;
    uint32_t group;
    uint32_t connected[PORTS_MAX];
    uint32_t ports;
    uint64_t ticks;
    uint64_t last_ns;
    uint64_t word;
    void *kept;
};

struct worker {
    struct instance *instance;
    uint32_t number;
    uint64_t seen;
    uint64_t last_ns;
    uint64_t word;
    uint64_t handle;
    void *kept;
};

static uint64_t all_seen;

/* Between two bursts, without a clock: some time that only the processor knows. */
__attribute__((unused)) static void spin(unsigned rounds)
{
    for (volatile unsigned round = 0; round < rounds; round++) {
    }
}

__attribute__((unused)) static void forget(struct instance *instance, uint32_t port)
{
    for (uint32_t i = 0; i < instance->ports; i++) {
        if (instance->connected[i] == port) {
            instance->connected[i] = instance->connected[--instance->ports];
            return;
        }
    }
}

#ifndef OWN_CREATE
static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    (void)config;
    if (instance == NULL) {
        return HEDDLE_E_FULL;
    }
    instance->host = host;
    instance->counter = 0xffff;
    instance->reason = 0x1ff;
    instance->group = 9999;
    ON_CREATE
    if (host->counter_register(host->context, HEDDLE_TEXT("frames"), HEDDLE_TEXT("frames"), &instance->counter) !=
        HEDDLE_OK) {
        COUNTER_FAILS
    }
    if (host->drop_reason_register(host->context, HEDDLE_TEXT("unwanted"), HEDDLE_TEXT("the frame is not wanted"),
                                   &instance->reason) != HEDDLE_OK) {
        REASON_FAILS
    }
    if (ROLE == HEDDLE_ROLE_FORWARDING &&
        host->group_create(host->context, instance->connected, 0, &instance->group) != HEDDLE_OK) {
        GROUP_FAILS
    }
    *out = instance;
    return HEDDLE_OK;
    goto refused;
refused:
    heddle_error(error, "the host registers nothing more");
    free(instance);
    return HEDDLE_E_FAILED;
}
#endif

static void destroy(void *context)
{
    struct instance *instance = context;
    ON_DESTROY
    free(instance);
}

static int32_t worker_init(void *context, uint32_t number, void **out)
{
    struct instance *instance = context;
    struct worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return HEDDLE_E_FULL;
    }
    worker->instance = instance;
    worker->number = number;
    ON_WORKER_INIT
    *out = worker;
    return HEDDLE_OK;
}

static void worker_fini(void *context, void *of_worker)
{
    struct worker *worker = of_worker;
    (void)context;
    ON_WORKER_FINI
}

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    struct worker *worker = context;
    struct instance *instance = worker->instance;
    const heddle_host_t *host = instance->host;
    (void)host;
    ON_INGRESS
    for (uint32_t index = 0; index < batch->count; index++) {
        heddle_packet_t *packet = &batch->packets[index];
        uint8_t *bytes = batch->base + (size_t)packet->buffer * 64 + packet->start;
        (void)bytes;
        worker->seen++;
        if (ROLE == HEDDLE_ROLE_FORWARDING && !LEAVES_NATIVE) {
            packet->verdict = HEDDLE_VERDICT_TO_GROUP;
            packet->destination = instance->group;
        }
        ON_IN
    }
    __atomic_fetch_add(&all_seen, batch->count, __ATOMIC_RELAXED);
    host->counter_add(host->context, instance->counter, batch->count);
    AFTER_INGRESS
    return HEDDLE_OK;
}

static int32_t egress(void *context, heddle_batch_t *batch)
{
    struct worker *worker = context;
    struct instance *instance = worker->instance;
    const heddle_host_t *host = instance->host;
    (void)host;
    ON_EGRESS
    for (uint32_t index = 0; index < batch->count; index++) {
        heddle_packet_t *packet = &batch->packets[index];
        uint8_t *bytes = batch->base + (size_t)packet->buffer * 64 + packet->start;
        (void)bytes;
        ON_OUT
    }
    return HEDDLE_OK;
}

static int32_t worker_tick(void *context, heddle_batch_t *batch)
{
    struct worker *worker = context;
    (void)worker;
    (void)batch;
    ON_WORKER_TICK
    return HEDDLE_OK;
}

static int32_t tick(void *context, uint64_t now_ns)
{
    struct instance *instance = context;
    const heddle_host_t *host = instance->host;
    (void)host;
    (void)now_ns;
    instance->ticks++;
    ON_TICK
    return HEDDLE_OK;
}

static int32_t event(void *context, const heddle_event_t *event, heddle_error_text_t *error)
{
    struct instance *instance = context;
    const heddle_host_t *host = instance->host;
    (void)error;
    ON_EVENT
    if (event->kind == HEDDLE_EVENT_NIC_CONNECT && instance->ports < PORTS_MAX) {
        instance->connected[instance->ports++] = event->port;
    } else if (event->kind == HEDDLE_EVENT_NIC_DISCONNECT) {
        FORGET
    } else {
        return HEDDLE_OK;
    }
    if (ROLE == HEDDLE_ROLE_FORWARDING) {
        host->group_update(host->context, instance->group, instance->connected, instance->ports);
    }
    return HEDDLE_OK;
}

#ifdef WITH_CONFIG
#ifndef CONFIG_ROW
#define CONFIG_ROW HEDDLE_CONFIG_INTEGER, "10"
#endif
#ifndef CONFIGURE
#define CONFIGURE
#endif
static int32_t configure(void *context, heddle_bytes_t config, heddle_error_text_t *error)
{
    (void)context;
    (void)config;
    (void)error;
    CONFIGURE
    return HEDDLE_OK;
}

#define ROW_OF(...) row_of(__VA_ARGS__)
#define TEXT_OF(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}
#define row_of(of_kind, of_value)                                                                                      \
    {.name = TEXT_OF("depth"), .unit = TEXT_OF("frames"), .default_value = TEXT_OF(of_value),                          \
     .text = TEXT_OF("how deep it looks"), .minimum = 0, .maximum = 100, .kind = (of_kind)}
static const heddle_config_key_t config_keys[] = {ROW_OF(CONFIG_ROW)};
static const heddle_config_v1_t config_table = {
    .struct_size = sizeof config_table, .key_count = 1, .keys = config_keys, .configure = configure};
#endif

#ifdef WITH_STATE
#ifndef STATE_VERSION
#define STATE_VERSION 1
#endif
#ifndef ON_SAVE
#define ON_SAVE
#endif
#ifndef ON_RESTORE
#define ON_RESTORE
#endif
#ifndef ON_END
#define ON_END
#endif
/* Its state is one number of the instance and one of each context, after a count of one. */
static int32_t put(heddle_state_piece_t *piece, uint64_t number)
{
    const uint32_t count = 1;
    piece->length = 0;
    piece->remaining = 0;
    ON_SAVE
    if (piece->index > 0) {
        return HEDDLE_OK;
    }
    memcpy(piece->data, &count, sizeof count);
    memcpy(piece->data + sizeof count, &number, sizeof number);
    piece->length = sizeof count + sizeof number;
    return HEDDLE_OK;
}

static int32_t take(const heddle_state_piece_t *piece, uint64_t *number, heddle_error_text_t *error)
{
    uint32_t count = 0;
    ON_RESTORE
    if (piece->length < sizeof count + sizeof *number) {
        heddle_error(error, "a count and a number are expected");
        return HEDDLE_E_INVALID;
    }
    memcpy(&count, piece->data, sizeof count);
    memcpy(number, piece->data + sizeof count, sizeof *number);
    if (count != 1) {
        heddle_error(error, "the count is not 1");
        return HEDDLE_E_INVALID;
    }
    return HEDDLE_OK;
}

static int32_t save(void *context, heddle_state_piece_t *piece, heddle_error_text_t *error)
{
    (void)error;
    return put(piece, ((struct instance *)context)->ticks);
}

static int32_t restore(void *context, const heddle_state_piece_t *piece, heddle_error_text_t *error)
{
    return take(piece, &((struct instance *)context)->ticks, error);
}

static int32_t save_worker(void *context, heddle_state_piece_t *piece)
{
    return put(piece, ((struct worker *)context)->seen);
}

static int32_t restore_worker(void *context, const heddle_state_piece_t *piece, heddle_error_text_t *error)
{
    return take(piece, &((struct worker *)context)->seen, error);
}

static void end_saving(void *context, uint32_t outcome)
{
    struct instance *instance = context;
    (void)instance;
    (void)outcome;
    ON_END
}

static const heddle_state_v1_t state_table = {
    .struct_size = sizeof state_table, .version = STATE_VERSION, .oldest = 1,
    .schema = {(const uint8_t *)"org.heddle.test.decent", 22},
    .end = end_saving, .save = save, .restore = restore, .save_worker = save_worker, .restore_worker = restore_worker};
#endif

#ifdef WITH_POLICY
#ifndef FEATURE_FLAGS
#define FEATURE_FLAGS HEDDLE_FEATURE_PORT | HEDDLE_FEATURE_SEVERAL | HEDDLE_FEATURE_STATUS
#endif
#ifndef FIELD_DEFAULT
#define FIELD_DEFAULT "10"
#endif
#ifndef POLICY_STANDARD
#define POLICY_STANDARD 0
#endif
#ifndef ON_PROPERTY
#define ON_PROPERTY
#endif
#ifndef ON_STATUS
#define ON_STATUS
#endif
static const heddle_config_key_t policy_keys[] = {
    {.name = {(const uint8_t *)"depth", 5}, .default_value = {(const uint8_t *)(FIELD_DEFAULT), sizeof(FIELD_DEFAULT) - 1},
     .minimum = 0, .maximum = 100, .kind = HEDDLE_CONFIG_INTEGER}};
static const heddle_feature_t policy_features[] = {
    {.id = {(const uint8_t *)"org.heddle.misbehaving.rule", 27}, .text = {(const uint8_t *)"how deep it looks", 17},
     .keys = policy_keys, .status_keys = policy_keys, .key_count = 1, .status_key_count = 1, .flags = FEATURE_FLAGS,
     .version = 0x10000}};

static int32_t property(void *context, const heddle_property_t *property, heddle_error_text_t *error)
{
    struct instance *instance = context;
    (void)instance;
    (void)property;
    (void)error;
    ON_PROPERTY
    return HEDDLE_OK;
}

static int32_t status(void *context, heddle_bytes_t feature, uint32_t port, uint8_t *text, uint32_t room, uint32_t *length)
{
    static const char told[] = "depth=10\n";
    (void)context;
    (void)feature;
    (void)port;
    *length = sizeof told - 1;
    ON_STATUS
    if (room < *length) {
        return HEDDLE_E_FULL;
    }
    memcpy(text, told, *length);
    return HEDDLE_OK;
}

static const heddle_policy_v1_t policy_table = {
    .struct_size = sizeof policy_table, .feature_count = 1, .features = policy_features, .standard = POLICY_STANDARD,
    .property = property, .status = status};
#endif

#ifdef ON_COMPLETED
static void completed(void *context, const heddle_event_t *event, int32_t status)
{
    struct instance *instance = context;
    (void)instance;
    (void)event;
    (void)status;
    ON_COMPLETED
}
#endif

static const void *interface(const char *id)
{
    (void)id;
    INTERFACE
#ifdef WITH_CONFIG
    if (strcmp(id, HEDDLE_CONFIG_ID) == 0) {
        return &config_table;
    }
#endif
#ifdef WITH_POLICY
    if (strcmp(id, HEDDLE_POLICY_ID) == 0) {
        return &policy_table;
    }
#endif
#ifdef WITH_STATE
    if (strcmp(id, HEDDLE_STATE_ID) == 0) {
        return &state_table;
    }
#endif
    return NULL;
}

/* The metadata, field by field, so that each can be wrong. */
#ifndef MAGIC
#define MAGIC HEDDLE_MAGIC
#endif
#ifndef RECORD_SIZE
#define RECORD_SIZE sizeof(heddle_meta_t)
#endif
#ifndef ABI_MAJOR
#define ABI_MAJOR HEDDLE_ABI_MAJOR
#endif
#ifndef HOST_MINOR
#define HOST_MINOR 0
#endif
#ifndef BYTE_ORDER_STATED
#define BYTE_ORDER_STATED HEDDLE_LITTLE_ENDIAN
#endif
#ifndef ID
#define ID "org.heddle.misbehaving." NAME
#endif
#ifndef ROWS_STATED
#define ROWS_STATED HEDDLE_LAYOUT_ROWS
#endif
#ifndef TABLE_SIZE
#define TABLE_SIZE sizeof(heddle_extension_v1_t)
#endif

__attribute__((section(".heddle.meta"))) const heddle_meta_t heddle_extension_meta = {
    MAGIC, RECORD_SIZE, ABI_MAJOR, HEDDLE_ABI_MINOR, HOST_MINOR, (ROLE), BYTE_ORDER_STATED, ROWS_STATED,
    (CAPABILITIES), ID, NAME, "The Heddle developers", "0.1.0", HEDDLE_TOOLCHAIN, {0}};
__attribute__((section(".heddle.layout"))) const heddle_layout_row_t heddle_extension_layout[HEDDLE_LAYOUT_ROWS] =
    HEDDLE_LAYOUT;

#ifdef HIDES_ITS_TABLE
__attribute__((used)) static
#endif
const heddle_extension_v1_t
#ifdef HIDES_ITS_TABLE
    hidden
#else
    heddle_extension_v1
#endif
    = {
        .struct_size = TABLE_SIZE,
#ifndef WITHOUT_CREATE
        .create = create,
#endif
        .destroy = destroy,
        .worker_init = worker_init,
        .worker_fini = worker_fini,
        .ingress = ingress,
        .egress = egress,
        .worker_tick = worker_tick,
        .tick = tick,
        .event = event,
        .interface = interface,
#ifdef ON_COMPLETED
        .completed = completed,
#endif
};

#ifdef WITHOUT_CREATE
__attribute__((used)) static const void *const unused_create = (const void *)create;
#endif

#endif
