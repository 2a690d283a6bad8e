/*
 * Policies in C: writes each event, completion and property to the log, refuses some of them.
 *
 * A filter that publishes `org.heddle.test.c-limit`; with -DSTEWARD a forwarding extension that enforces heddle.security
 * alone and drops everything. Rate 666 is refused for good, 500 for now; so are ports named `refused` and `full`. A
 * reference to each port is taken with its creation, and given back with its teardown. Keys: none.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* References are taken without a look at the length of the host's table. */
#define HEDDLE_MIN_HOST_MINOR 4
#include "heddle_extension.h"

#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

struct instance {
    const heddle_host_t *host;
    uint32_t properties;
};

static void say(const struct instance *instance, const char *format, ...)
{
    char line[400];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length > 0) {
        size_t used = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
        instance->host->log(instance->host->context, HEDDLE_LOG_INFO, heddle_text(line, used));
    }
}

static int has(heddle_bytes_t text, const char *word)
{
    size_t length = strlen(word);
    for (size_t at = 0; at + length <= text.length; at++) {
        if (memcmp(text.data + at, word, length) == 0) {
            return 1;
        }
    }
    return 0;
}

static int32_t create(const heddle_host_t *host, heddle_bytes_t config, void **out, heddle_error_text_t *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    (void)config;
    if (instance == NULL) {
        heddle_error(error, "no memory");
        return HEDDLE_E_FULL;
    }
    instance->host = host;
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

static int32_t event(void *context, const heddle_event_t *event, heddle_error_text_t *error)
{
    struct instance *instance = context;
    const heddle_host_t *host = instance->host;
    const char *name = event->info == NULL ? "" : (const char *)event->info->name;
    int32_t reference = 1;
    if (event->kind == HEDDLE_EVENT_PORT_CREATE && strcmp(name, "refused") == 0) {
        heddle_error(error, "no such ports");
        return HEDDLE_E_VETO;
    }
    if (event->kind == HEDDLE_EVENT_PORT_CREATE && strcmp(name, "full") == 0) {
        heddle_error(error, "all places are taken");
        return HEDDLE_E_AGAIN;
    }
    if (event->kind == HEDDLE_EVENT_PORT_CREATE) {
        reference = host->port_reference(host->context, event->port);
    } else if (event->kind == HEDDLE_EVENT_PORT_TEARDOWN) {
        reference = host->port_dereference(host->context, event->port);
    }
    say(instance, "event %u port %u %s flags %u reference %d", event->kind, event->port, name,
        event->info == NULL ? 0 : event->info->flags, reference);
    return HEDDLE_OK;
}

static void completed(void *context, const heddle_event_t *event, int32_t status)
{
    say(context, "completed %u port %u %d", event->kind, event->port, status);
}

static int32_t property(void *context, const heddle_property_t *property, heddle_error_text_t *error)
{
    struct instance *instance = context;
    say(instance, "property %u port %u flags %u %.*s/%.*s: %.*s", property->action, property->port, property->flags,
        (int)property->feature.length, property->feature.data, (int)property->instance.length,
        property->instance.data, (int)property->values.length, property->values.data);
    if (has(property->values, "rate=666")) {
        heddle_error(error, "that rate brings bad luck");
        return HEDDLE_E_VETO;
    }
    if (has(property->values, "rate=500")) {
        heddle_error(error, "not enough bandwidth");
        return HEDDLE_E_AGAIN;
    }
    if (property->action == HEDDLE_PROPERTY_ADD) {
        instance->properties++;
    } else if (property->action == HEDDLE_PROPERTY_DELETE) {
        instance->properties--;
    }
    return HEDDLE_OK;
}

static void property_done(void *context, const heddle_property_t *property, int32_t status)
{
    say(context, "done %u port %u %d", property->action, property->port, status);
}

static int32_t status(void *context, heddle_bytes_t feature, uint32_t port, uint8_t *text, uint32_t room,
                      uint32_t *out_length)
{
    const struct instance *instance = context;
    /* Longer than the first room the host lends. */
    char line[8192];
    (void)feature;
    if (port == 0) {
        return HEDDLE_E_GONE;
    }
    int length = snprintf(line, sizeof line, "limits=%u\nnote=%05000d\n", instance->properties, 7);
    *out_length = (uint32_t)length;
    if ((uint32_t)length > room) {
        return HEDDLE_E_FULL;
    }
    memcpy(text, line, (size_t)length);
    return HEDDLE_OK;
}

#ifdef STEWARD
static int32_t ingress(void *context, heddle_batch_t *batch)
{
    (void)context;
    for (uint32_t i = 0; i < batch->count; i++) {
        batch->packets[i].verdict = HEDDLE_VERDICT_DROP;
    }
    return HEDDLE_OK;
}
#define INGRESS ingress
#define FEATURES NULL
#define FEATURE_COUNT 0
#define ENFORCES HEDDLE_STANDARD_SECURITY
HEDDLE_EXTENSION(HEDDLE_ROLE_FORWARDING, 0, "org.heddle.test.c-steward", "Test in C: security",
                 "The Heddle developers", "0.1.0");
#else
static const heddle_config_key_t KEYS[] = {
    {TEXT("rate"), TEXT("frames/s"), TEXT("100"), TEXT(""), TEXT("frames a second that pass"), 1, 1000,
     HEDDLE_CONFIG_INTEGER, 0},
    {TEXT("on-excess"), TEXT(""), TEXT("drop"), TEXT("drop|mark"), TEXT("what becomes of the others"), 0, 0,
     HEDDLE_CONFIG_CHOICE, 0},
};
static const heddle_config_key_t STATUS[] = {
    {TEXT("limits"), TEXT("limits"), TEXT(""), TEXT(""), TEXT("limits in all"), 0, 100, HEDDLE_CONFIG_INTEGER, 0},
    {TEXT("note"), TEXT(""), TEXT(""), TEXT(""), TEXT("a long text"), 0, 0, HEDDLE_CONFIG_TEXT, 0},
};
static const heddle_feature_t LIMIT = {
    TEXT("org.heddle.test.c-limit"), TEXT("limits the frames of a port"), KEYS, STATUS, 2, 2,
    HEDDLE_FEATURE_PORT | HEDDLE_FEATURE_SEVERAL | HEDDLE_FEATURE_STATUS, UINT32_C(0x10002),
};
#define INGRESS NULL
#define FEATURES &LIMIT
#define FEATURE_COUNT 1
#define ENFORCES 0
HEDDLE_EXTENSION(HEDDLE_ROLE_FILTER, 0, "org.heddle.test.c-governed", "Test in C: policies", "The Heddle developers",
                 "0.1.0");
#endif

static const heddle_policy_v1_t POLICY = {
    .struct_size = sizeof(heddle_policy_v1_t),
    .feature_count = FEATURE_COUNT,
    .features = FEATURES,
    .standard = ENFORCES,
    .property = property,
    .property_done = property_done,
    .status = status,
};

static const void *interface(const char *id)
{
    return strcmp(id, HEDDLE_POLICY_ID) == 0 ? &POLICY : NULL;
}

const heddle_extension_v1_t heddle_extension_v1 = {
    .struct_size = sizeof(heddle_extension_v1_t),
    .create = create,
    .destroy = destroy,
    .worker_init = worker_init,
    .worker_fini = worker_fini,
    .ingress = INGRESS,
    .event = event,
    .interface = interface,
    .completed = completed,
};
