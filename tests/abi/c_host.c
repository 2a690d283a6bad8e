/*
 * A host in C: opens test extensions, whatever language and compiler made them, and drives them through the ABI alone.
 *
 * usage: c_host FILE.so...    The file's name says which checks it gets. Prints `ok` or `not ok` lines, status 1 when a
 * check fails. Frames live in 2,048-byte slots; drafts come from slots behind those of the batch.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heddle_extension.h"

#define SLOT 2048u
#define SLOTS 64u
#define DRAFT_SLOT 32u
#define BATCH 6u

/* What the extension did, and what it is shown. */
static struct {
    uint8_t arena[SLOT * SLOTS];
    heddle_packet_t packets[BATCH];
    heddle_packet_t drafts[SLOTS];
    uint64_t counters[64];
    char counter_names[64][33];
    uint32_t counter_count;
    uint16_t reasons;
    uint32_t group[16];
    uint32_t group_count;
    uint64_t handles;
    uint64_t held[64];
    uint32_t held_count;
    uint64_t released[64];
    uint32_t released_count;
    uint32_t discarded;
    uint32_t injected;
    uint32_t injected_from[64];
    uint8_t injected_bytes[64][SLOT];
    uint32_t draft_slots;
} state;

static int failures;

static void check(const char *file, const char *what, int holds)
{
    printf("%s %s: %s\n", holds ? "ok" : "not ok", file, what);
    failures += !holds;
}

static void host_log(void *host, uint32_t level, heddle_bytes_t text)
{
    (void)host;
    printf("# log %u: %.*s\n", level, (int)text.length, (const char *)text.data);
}

static int32_t counter_register(void *host, heddle_bytes_t name, heddle_bytes_t unit, uint32_t *out)
{
    (void)host;
    (void)unit;
    if (name.length > 32 || state.counter_count == 64) {
        return HEDDLE_E_INVALID;
    }
    memcpy(state.counter_names[state.counter_count], name.data, name.length);
    *out = state.counter_count++;
    return HEDDLE_OK;
}

static int32_t counter_add(void *host, uint32_t counter, uint64_t delta)
{
    (void)host;
    if (counter >= state.counter_count) {
        return HEDDLE_E_INVALID;
    }
    state.counters[counter] += delta;
    return HEDDLE_OK;
}

static uint64_t counter(const char *name)
{
    for (uint32_t i = 0; i < state.counter_count; i++) {
        if (strcmp(state.counter_names[i], name) == 0) {
            return state.counters[i];
        }
    }
    return UINT64_MAX;
}

static int32_t drop_reason_register(void *host, heddle_bytes_t id, heddle_bytes_t text, uint16_t *out)
{
    (void)host;
    *out = (uint16_t)(100 + state.reasons++);
    return id.length > 0 && id.length <= 48 && text.length <= 160 ? HEDDLE_OK : HEDDLE_E_INVALID;
}

static int32_t group_update(void *host, uint32_t group, const uint32_t *ports, uint32_t count)
{
    (void)host;
    if (group != 7 || count > 16) {
        return HEDDLE_E_GONE;
    }
    if (count > 0) {
        memcpy(state.group, ports, count * sizeof *ports);
    }
    state.group_count = count;
    return HEDDLE_OK;
}

static int32_t group_create(void *host, const uint32_t *ports, uint32_t count, uint32_t *out)
{
    *out = 7;
    return group_update(host, 7, ports, count);
}

static int32_t hold(void *call, uint32_t index, uint64_t *out)
{
    (void)call;
    if (index >= BATCH || state.held_count == 64) {
        return HEDDLE_E_FULL;
    }
    state.packets[index].verdict = HEDDLE_VERDICT_HOLD;
    state.held[state.held_count++] = *out = ++state.handles;
    return HEDDLE_OK;
}

static int32_t release(void *call, uint64_t handle)
{
    (void)call;
    state.released[state.released_count++] = handle;
    return HEDDLE_OK;
}

static int32_t discard(void *call, uint64_t handle, uint16_t reason)
{
    (void)call;
    (void)handle;
    (void)reason;
    state.discarded++;
    return HEDDLE_OK;
}

static int32_t originate(void *call, uint32_t length, uint64_t *handle, heddle_packet_t *packet)
{
    (void)call;
    memset(packet, 0, sizeof *packet);
    packet->buffer = (DRAFT_SLOT + state.draft_slots) * (SLOT / 64);
    packet->start = 128;
    packet->length = length;
    state.drafts[state.draft_slots] = *packet;
    *handle = 1000 + state.draft_slots++;
    return HEDDLE_OK;
}

static uint8_t *bytes_of(const heddle_packet_t *packet)
{
    return state.arena + packet->buffer * 64 + packet->start;
}

static int32_t clone_packet(void *call, uint32_t index, uint64_t *handle, heddle_packet_t *packet)
{
    const int32_t status = originate(call, state.packets[index].length, handle, packet);
    memcpy(bytes_of(packet), bytes_of(&state.packets[index]), packet->length);
    return status;
}

static int32_t inject(void *call, uint64_t handle, uint32_t source_port)
{
    const heddle_packet_t *draft = &state.drafts[handle - 1000];
    (void)call;
    memcpy(state.injected_bytes[state.injected], bytes_of(draft), draft->length);
    state.injected_from[state.injected++] = source_port;
    return HEDDLE_OK;
}

static const heddle_host_t host = {
    .struct_size = sizeof(heddle_host_t),
    .log = host_log,
    .counter_register = counter_register,
    .counter_add = counter_add,
    .drop_reason_register = drop_reason_register,
    .group_create = group_create,
    .group_update = group_update,
    .hold = hold,
    .release = release,
    .discard = discard,
    .originate = originate,
    .clone_packet = clone_packet,
    .inject = inject,
};

/* An opened extension with one worker. */
struct driven {
    const char *file;
    const heddle_extension_v1_t *entry;
    void *instance;
    void *worker;
};

static int start(struct driven *driven, const char *config)
{
    heddle_error_text_t error = {0};
    const heddle_bytes_t text = {(const uint8_t *)config, strlen(config)};
    memset(&state, 0, sizeof state);
    if (driven->entry->create(&host, text, &driven->instance, &error) != HEDDLE_OK) {
        printf("# create: %.*s\n", (int)error.length, (const char *)error.text);
        return 0;
    }
    return driven->entry->worker_init(driven->instance, 0, &driven->worker) == HEDDLE_OK;
}

static void stop(struct driven *driven)
{
    driven->entry->worker_fini(driven->instance, driven->worker);
    driven->entry->destroy(driven->instance);
}

/* Lends BATCH frames to 02:00:00:00:00:NN, NN from 1 on, from port 9; the last one is a broadcast. */
static int32_t lend(struct driven *driven, heddle_batch_fn call, uint8_t leg, uint64_t now_ns, uint32_t count)
{
    heddle_batch_t batch = {.struct_size = sizeof batch, .count = count, .packets = state.packets, .base = state.arena,
                            .now_ns = now_ns, .leg = leg, .draft_base = state.arena};
    memset(state.packets, 0, sizeof state.packets);
    for (uint32_t i = 0; i < BATCH; i++) {
        heddle_packet_t *packet = &state.packets[i];
        const uint8_t header[6] = {2, 0, 0, 0, 0, (uint8_t)(i + 1)};
        packet->buffer = i * (SLOT / 64);
        packet->start = 128;
        packet->length = 60 + i;
        packet->source_port = 9;
        packet->destination = leg == HEDDLE_LEG_EGRESS ? i + 1 : 0;
        memcpy(bytes_of(packet), header, sizeof header);
    }
    memset(bytes_of(&state.packets[BATCH - 1]), 0xff, 6);
    return call == NULL ? HEDDLE_OK : call(driven->worker, &batch);
}

static int verdicts(const char *expected)
{
    for (uint32_t i = 0; i < BATCH; i++) {
        if (state.packets[i].verdict != (uint8_t)(expected[i] - '0')) {
            return 0;
        }
    }
    return 1;
}

static void drops(struct driven *d, const char *config_ingress, const char *config_egress)
{
    check(d->file, "starts", start(d, config_ingress));
    lend(d, d->entry->ingress, HEDDLE_LEG_INGRESS, 0, BATCH);
    check(d->file, "drops every third frame on ingress, for its own reason",
          verdicts("001001") && state.packets[2].drop_reason == 100 && counter("dropped") == 2);
    lend(d, d->entry->egress, HEDDLE_LEG_EGRESS, 0, BATCH);
    check(d->file, "leaves egress alone", verdicts("000000"));
    stop(d);
    check(d->file, "starts for egress", start(d, config_egress));
    lend(d, d->entry->egress, HEDDLE_LEG_EGRESS, 0, BATCH);
    check(d->file, "excludes every third delivery on egress", verdicts("001001"));
    stop(d);
}

static void holds(struct driven *d, const char *config)
{
    check(d->file, "starts", start(d, config));
    lend(d, d->entry->ingress, HEDDLE_LEG_INGRESS, 1000, BATCH);
    check(d->file, "holds all frames of ingress", verdicts("222222") && counter("held") == 6);
    lend(d, d->entry->egress, HEDDLE_LEG_EGRESS, 2000, 2);
    check(d->file, "holds deliveries of egress", state.held_count == 8 && state.released_count == 0);
    lend(d, d->entry->worker_tick, HEDDLE_LEG_INGRESS, 5001000, 0);
    check(d->file, "releases what is due in the tick", state.released_count == 6);
    lend(d, d->entry->ingress, HEDDLE_LEG_INGRESS, 5002000, 0);
    check(d->file, "releases the rest in a batch call, all in order",
          state.released_count == 8 && memcmp(state.released, state.held, 8 * sizeof(uint64_t)) == 0);
    stop(d);
}

static void injects(struct driven *d)
{
    uint8_t clone[62];
    check(d->file, "starts", start(d, "n=3\noriginate=6"));
    lend(d, d->entry->ingress, HEDDLE_LEG_INGRESS, 0, BATCH);
    memcpy(clone, bytes_of(&state.packets[2]), sizeof clone);
    check(d->file, "clones every third frame, originates with the sixth, all frames pass",
          state.injected == 3 && verdicts("000000") && counter("clones") == 2 && counter("originated") == 1);
    check(d->file, "the clone is the frame, from its port",
          memcmp(state.injected_bytes[0], clone, sizeof clone) == 0 && state.injected_from[0] == 9);
    check(d->file, "the originated frame is trusted, of EtherType 0x88b5",
          state.injected_from[2] == 0 && memcmp(state.injected_bytes[2] + 12, "\x88\xb5", 2) == 0);
    stop(d);
}

static void tell(struct driven *d, uint32_t kind, uint32_t port, const char *name)
{
    heddle_port_info_t info = {.struct_size = sizeof info, .port = port};
    heddle_event_t event = {.struct_size = sizeof event, .kind = kind, .port = port, .info = &info};
    heddle_error_text_t error = {0};
    memcpy(info.name, name, strlen(name));
    if (d->entry->event(d->instance, &event, &error) != HEDDLE_OK) {
        check(d->file, "accepts events", 0);
    }
}

static void forwards(struct driven *d, const char *config)
{
    check(d->file, "starts", start(d, config));
    tell(d, HEDDLE_EVENT_NIC_CONNECT, 1, "vm1");
    tell(d, HEDDLE_EVENT_NIC_CONNECT, 2, "vm2");
    tell(d, HEDDLE_EVENT_NIC_CONNECT, 9, "vm9");
    check(d->file, "its group follows the ports", state.group_count == 3);
    lend(d, d->entry->ingress, HEDDLE_LEG_INGRESS, 0, BATCH);
    check(d->file, "known addresses go to their port",
          state.packets[0].verdict == HEDDLE_VERDICT_TO_PORT && state.packets[0].destination == 1 &&
              state.packets[1].verdict == HEDDLE_VERDICT_TO_PORT && state.packets[1].destination == 2);
    check(d->file, "a broadcast goes to the group",
          state.packets[5].verdict == HEDDLE_VERDICT_TO_GROUP && state.packets[5].destination == 7);
    tell(d, HEDDLE_EVENT_NIC_DISCONNECT, 2, "vm2");
    check(d->file, "a port that is gone leaves the group", state.group_count == 2);
    stop(d);
}

static void observes(struct driven *d)
{
    check(d->file, "starts", start(d, ""));
    lend(d, d->entry->ingress, HEDDLE_LEG_INGRESS, 0, BATCH);
    lend(d, d->entry->egress, HEDDLE_LEG_EGRESS, 0, 2);
    check(d->file, "counts both legs",
          counter("ingress-frames") == 6 && counter("ingress-bytes") == 375 && counter("egress-frames") == 2 &&
              counter("egress-bytes") == 121 && verdicts("000000"));
    stop(d);
}

static void passes(struct driven *d)
{
    check(d->file, "starts", start(d, ""));
    lend(d, d->entry->ingress, HEDDLE_LEG_INGRESS, 0, BATCH);
    check(d->file, "lets everything pass", verdicts("000000") && state.injected == 0);
    stop(d);
    check(d->file, "refuses keys it does not know", !start(d, "fast=yes"));
}

static void drive(struct driven *d, const char *name)
{
    if (strcmp(name, "drop-every-nth.so") == 0 || strcmp(name, "cpp-drop.so") == 0) {
        drops(d, "n=3", "n=3\nleg=egress");
    } else if (strcmp(name, "c-drop-hold.so") == 0) {
        drops(d, "n=3\nms=0", "n=3\nms=0\nleg=egress");
        holds(d, "n=0\nms=5\nleg=both");
    } else if (strcmp(name, "hold-release.so") == 0) {
        holds(d, "ms=5\nleg=both");
    } else if (strcmp(name, "inject.so") == 0 || strcmp(name, "c-inject.so") == 0) {
        injects(d);
    } else if (strcmp(name, "forward-table.so") == 0) {
        forwards(d, "02:00:00:00:00:01=vm1\n02:00:00:00:00:02=vm2");
    } else if (strcmp(name, "c-forward.so") == 0) {
        forwards(d, "");
    } else if (strcmp(name, "observe.so") == 0) {
        observes(d);
    } else if (strcmp(name, "passthrough.so") == 0) {
        passes(d);
    } else {
        check(d->file, "has checks in c_host.c", 0);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct driven driven = {.file = argv[i]};
        void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) {
            printf("# %s\n", dlerror());
            check(argv[i], "opens", 0);
            continue;
        }
        driven.entry = dlsym(library, HEDDLE_ENTRY_SYMBOL);
        drive(&driven, basename(argv[i]));
    }
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
