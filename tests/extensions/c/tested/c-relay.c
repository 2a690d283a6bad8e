/*
 * A forwarding extension that uses what only later minors have: it references ports and NICs, sends copies to a mirror port
 * with destinations of its own, has a policy that says which port that is, and keeps its counts over an upgrade. Its unit
 * test is c-relay_test.c. BUG=n breaks it in one of the ways that the test kit is to notice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heddle_extension.h"

#ifndef BUG
#define BUG 0
#endif
#define PORTS 64
#define FEATURE "org.heddle.test.c-relay.mirror"

struct instance {
    const heddle_host_t *host;
    uint32_t group;
    uint32_t mirror;
    uint32_t ports[PORTS];
    uint32_t count;
    uint64_t completed;
};

struct worker {
    struct instance *instance;
    uint64_t frames;
    int saved;
};

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        return HEDDLE_E_FULL;
    }
    if (config.length > 0 && memcmp(config.data, "bad", 3) == 0) {
        memcpy(error->text, "bad", 3);
        error->length = 3;
        free(instance);
        return HEDDLE_E_CONFIG;
    }
    instance->host = host;
    if (host->group_create(host->context, instance->ports, 0, &instance->group) != HEDDLE_OK) {
        free(instance);
        return HEDDLE_E_FULL;
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

static void connect(struct instance *instance, uint32_t port)
{
    if (instance->count < PORTS) {
        instance->ports[instance->count++] = port;
    }
    (void)instance->host->nic_reference(instance->host->context, port, 0);
}

static void disconnect(struct instance *instance, uint32_t port)
{
    for (uint32_t at = 0; at < instance->count; at++) {
        if (instance->ports[at] == port) {
            instance->ports[at] = instance->ports[--instance->count];
            break;
        }
    }
    (void)instance->host->nic_dereference(instance->host->context, port, 0);
}

static int32_t event(void *context, const heddle_event_t *event, heddle_error_text_t *error)
{
    struct instance *instance = context;
    const heddle_host_t *host = instance->host;
    (void)error;
    switch (event->kind) {
    case HEDDLE_EVENT_PORT_CREATE:
        return host->port_reference(host->context, event->port);
    case HEDDLE_EVENT_PORT_TEARDOWN:
        if (BUG != 1) {
            (void)host->port_dereference(host->context, event->port);
        }
        break;
    case HEDDLE_EVENT_NIC_CONNECT:
        connect(instance, event->port);
        break;
    case HEDDLE_EVENT_NIC_DISCONNECT:
        disconnect(instance, event->port);
        break;
    default:
        return HEDDLE_OK;
    }
    (void)host->group_update(host->context, instance->group, instance->ports, instance->count);
    return HEDDLE_OK;
}

static void completed(void *context, const heddle_event_t *event, int32_t status)
{
    struct instance *instance = context;
    (void)event;
    instance->completed += status == HEDDLE_OK;
}

static int32_t ingress(void *context, heddle_batch_t *batch)
{
    struct worker *worker = context;
    struct instance *instance = worker->instance;
    const heddle_host_t *host = instance->host;
    for (uint32_t i = 0; i < batch->count; i++) {
        heddle_packet_t copy;
        uint64_t handle;
        worker->frames++;
        batch->packets[i].verdict = HEDDLE_VERDICT_TO_GROUP;
        batch->packets[i].destination = instance->group;
        if (instance->mirror != 0 && host->clone_packet(batch->call, i, &handle, &copy) == HEDDLE_OK) {
            heddle_destination_t to = {.target = instance->mirror, .verdict = HEDDLE_VERDICT_TO_PORT};
            if ((BUG == 2 ? host->inject(batch->call, handle, batch->packets[i].source_port)
                          : host->inject_to(batch->call, handle, batch->packets[i].source_port, &to)) != HEDDLE_OK) {
                (void)host->discard(batch->call, handle, 0);
            }
        }
    }
    return HEDDLE_OK;
}

/* The policy: frames of the switch are mirrored to the port the property is on. */
static int32_t property(void *context, const heddle_property_t *property, heddle_error_text_t *error)
{
    struct instance *instance = context;
    if (property->action == HEDDLE_PROPERTY_DELETE) {
        instance->mirror = 0;
        return BUG == 3 ? HEDDLE_E_VETO : HEDDLE_OK;
    }
    if (instance->mirror != 0 && instance->mirror != property->port) {
        const char *words = "another port is the mirror already";
        error->length = (uint32_t)strlen(words);
        memcpy(error->text, words, strlen(words));
        return HEDDLE_E_VETO;
    }
    if ((property->flags & HEDDLE_PROPERTY_VALIDATION) == 0) {
        instance->mirror = property->port;
    }
    return HEDDLE_OK;
}

static int32_t status(void *context, heddle_bytes_t feature, uint32_t port, uint8_t *text, uint32_t room, uint32_t *out)
{
    struct instance *instance = context;
    (void)feature;
    if (port == 0 || port != instance->mirror) {
        return HEDDLE_E_GONE;
    }
    *out = (uint32_t)snprintf((char *)text, room, "ports=%u\n", (unsigned)instance->count);
    return *out < room ? HEDDLE_OK : HEDDLE_E_FULL;
}

static int32_t save_worker(void *context, heddle_state_piece_t *piece)
{
    struct worker *worker = context;
    if (worker->saved) {
        piece->length = 0;
        return HEDDLE_OK;
    }
    memcpy(piece->data, &worker->frames, sizeof worker->frames);
    if (BUG == 4) {
        memset(piece->data, 0, piece->room + 1);
    }
    piece->length = BUG == 5 ? piece->room + 1 : sizeof worker->frames;
    worker->saved = 1;
    return HEDDLE_OK;
}

static int32_t restore_worker(void *context, const heddle_state_piece_t *piece, heddle_error_text_t *error)
{
    struct worker *worker = context;
    (void)error;
    if (piece->length != sizeof worker->frames) {
        return HEDDLE_E_INVALID;
    }
    memcpy(&worker->frames, piece->data, sizeof worker->frames);
    return HEDDLE_OK;
}

static void end_worker(void *context)
{
    ((struct worker *)context)->saved = 0;
}

static const heddle_config_key_t STATUS_KEYS[] = {{
    .name = {(const uint8_t *)"ports", 5},
    .unit = {(const uint8_t *)"ports", 5},
    .text = {(const uint8_t *)"ports whose frames are mirrored", 31},
    .maximum = PORTS,
    .kind = HEDDLE_CONFIG_INTEGER,
}};

static const heddle_feature_t FEATURES[] = {{
    .id = {(const uint8_t *)FEATURE, sizeof FEATURE - 1},
    .text = {(const uint8_t *)"gets a copy of each frame", 25},
    .status_keys = STATUS_KEYS,
    .status_key_count = 1,
    .flags = HEDDLE_FEATURE_PORT | HEDDLE_FEATURE_STATUS,
    .version = 0x10000,
}};

static const heddle_policy_v1_t POLICY = {
    .struct_size = sizeof POLICY,
    .feature_count = 1,
    .features = FEATURES,
    .property = property,
    .status = status,
};

static const heddle_state_v1_t STATE = {
    .struct_size = sizeof STATE,
    .version = 1,
    .oldest = 1,
    .schema = {(const uint8_t *)"org.heddle.test.c-relay", 23},
    .save_worker = save_worker,
    .restore_worker = restore_worker,
    .end_worker = end_worker,
};

static const void *interface(const char *id)
{
    if (strcmp(id, HEDDLE_POLICY_ID) == 0) {
        return &POLICY;
    }
    return strcmp(id, HEDDLE_STATE_ID) == 0 ? &STATE : NULL;
}

HEDDLE_EXTENSION(HEDDLE_ROLE_FORWARDING, HEDDLE_CAPABILITY_GROUPS | HEDDLE_CAPABILITY_INJECT, "org.heddle.test.c-relay",
                 "Test: relay", "The Heddle developers", "1");

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = ingress,
    .event = event,
    .completed = completed,
    .interface = interface,
};

/* For the test. */
uint64_t frames_of(const void *worker)
{
    return ((const struct worker *)worker)->frames;
}

uint64_t completed_of(const void *instance)
{
    return ((const struct instance *)instance)->completed;
}
