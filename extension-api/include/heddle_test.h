/*
 * heddle_test.h: the test kit for extensions in C. Runs an extension inside its own unit test: no switch, no daemon, no
 * rights; frames from a few words, a clock that stands still until the test moves it, captured host calls.
 *
 * Include it in one source file and link that with the extension's own object:
 *
 *     heddle_test_t *test = heddle_test_start("limit=100\n");
 *     heddle_test_add_port(test, 1, "web");
 *     heddle_test_udp(test, 1, 2, 60);
 *     heddle_test_ingress(test);
 *     HEDDLE_EXPECT(heddle_test_passed(test, 0));
 *     return heddle_test_stop(test);
 *
 * One worker, no forwarding of its own. What breaks the contract ends the test with a sentence. Limits: 256 frames a batch,
 * 256 drafts a call, frames of at most 2,048 bytes, 64 counters and drop reasons, 1,024 held frames, 64 pieces of state.
 */
#ifndef HEDDLE_TEST_H
#define HEDDLE_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heddle_extension.h"

#define HEDDLE_TEST_SLOT 2304u
#define HEDDLE_TEST_FRAME_MAX 2048u
#define HEDDLE_TEST_HELD_MAX 1024u
#define HEDDLE_TEST_NAMES 64u
#define HEDDLE_TEST_FIRST_REASON 1000u

/* A frame that left the extension's hands: injected, released or discarded. */
typedef struct heddle_test_frame_t {
    uint32_t length;
    uint32_t port;
    /* Injected with destinations: where to. All zero otherwise. */
    heddle_destination_t to;
    uint8_t bytes[HEDDLE_TEST_FRAME_MAX];
} heddle_test_frame_t;

typedef struct heddle_test_t {
    heddle_host_t host;
    void *instance;
    void *context;
    uint64_t now_ns;
    heddle_packet_t packets[HEDDLE_BATCH_MAX];
    uint32_t count;
    int ingress_call;
    heddle_packet_t drafts[HEDDLE_BATCH_MAX];
    int draft_open[HEDDLE_BATCH_MAX];
    uint32_t draft_count;
    uint32_t ports[HEDDLE_TEST_NAMES];
    char port_names[HEDDLE_TEST_NAMES][64];
    uint32_t port_count;
    /* References the extension has to a port, and to its NIC. */
    uint32_t port_references[HEDDLE_TEST_NAMES];
    uint32_t nic_references[HEDDLE_TEST_NAMES];
    char counter_names[HEDDLE_TEST_NAMES][33];
    uint64_t counters[HEDDLE_TEST_NAMES];
    uint32_t counter_count;
    char reasons[HEDDLE_TEST_NAMES][49];
    uint32_t reason_count;
    uint32_t groups[HEDDLE_TEST_NAMES][HEDDLE_TEST_NAMES];
    uint32_t group_sizes[HEDDLE_TEST_NAMES];
    uint32_t group_count;
    heddle_test_frame_t held[HEDDLE_TEST_HELD_MAX];
    int held_open[HEDDLE_TEST_HELD_MAX];
    uint32_t held_count;
    heddle_test_frame_t injected[HEDDLE_BATCH_MAX];
    uint32_t injected_count;
    uint32_t released_count;
    uint32_t discarded_count;
    uint32_t log_count;
    char last_log[1025];
    uint32_t datagram_count;
    int failures;
    uint8_t arena[2 * HEDDLE_BATCH_MAX * HEDDLE_TEST_SLOT];
} heddle_test_t;

/* Counts a failure and says where. `test` is the heddle_test_t of the function it stands in. */
#define HEDDLE_EXPECT(condition)                                                                                       \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                                   \
            test->failures++;                                                                                          \
        }                                                                                                              \
    } while (0)

static inline void heddle_test_die(const char *text)
{
    fprintf(stderr, "the extension broke the contract: %s\n", text);
    exit(1);
}

static inline uint8_t *heddle_test_bytes(heddle_test_t *test, const heddle_packet_t *packet)
{
    return test->arena + (size_t)packet->buffer * 64 + packet->start;
}

/* The C functions behind the host table. */

static inline void heddle_test_log_(void *host, uint32_t level, heddle_bytes_t text)
{
    heddle_test_t *test = (heddle_test_t *)host;
    size_t length = text.length < 1024 ? (size_t)text.length : 1024;
    (void)level;
    memcpy(test->last_log, text.data, length);
    test->last_log[length] = '\0';
    test->log_count++;
}

static inline int32_t heddle_test_counter_register_(void *host, heddle_bytes_t name, heddle_bytes_t unit, uint32_t *out)
{
    heddle_test_t *test = (heddle_test_t *)host;
    if (name.length == 0 || name.length > 32 || unit.length > 16) {
        return HEDDLE_E_INVALID;
    }
    if (test->counter_count == HEDDLE_TEST_NAMES) {
        return HEDDLE_E_FULL;
    }
    memcpy(test->counter_names[test->counter_count], name.data, (size_t)name.length);
    *out = test->counter_count++;
    return HEDDLE_OK;
}

static inline int32_t heddle_test_counter_add_(void *host, uint32_t counter, uint64_t delta)
{
    heddle_test_t *test = (heddle_test_t *)host;
    if (counter >= test->counter_count) {
        return HEDDLE_E_INVALID;
    }
    test->counters[counter] += delta;
    return HEDDLE_OK;
}

static inline int32_t heddle_test_reason_register_(void *host, heddle_bytes_t id, heddle_bytes_t text, uint16_t *out)
{
    heddle_test_t *test = (heddle_test_t *)host;
    if (id.length == 0 || id.length > 48 || text.length > 160) {
        return HEDDLE_E_INVALID;
    }
    if (test->reason_count == HEDDLE_TEST_NAMES) {
        return HEDDLE_E_FULL;
    }
    memcpy(test->reasons[test->reason_count], id.data, (size_t)id.length);
    *out = (uint16_t)(HEDDLE_TEST_FIRST_REASON + test->reason_count++);
    return HEDDLE_OK;
}

static inline int32_t heddle_test_group_update_(void *host, uint32_t group, const uint32_t *ports, uint32_t count)
{
    heddle_test_t *test = (heddle_test_t *)host;
    if (group == 0 || group > test->group_count) {
        return HEDDLE_E_GONE;
    }
    if (count > HEDDLE_TEST_NAMES) {
        return HEDDLE_E_FULL;
    }
    if (count > 0) {
        memcpy(test->groups[group - 1], ports, count * sizeof *ports);
    }
    test->group_sizes[group - 1] = count;
    return HEDDLE_OK;
}

static inline int32_t heddle_test_group_create_(void *host, const uint32_t *ports, uint32_t count, uint32_t *out)
{
    heddle_test_t *test = (heddle_test_t *)host;
    if (test->group_count == HEDDLE_TEST_NAMES) {
        return HEDDLE_E_FULL;
    }
    *out = ++test->group_count;
    return heddle_test_group_update_(host, *out, ports, count);
}

static inline int32_t heddle_test_port_list_(void *host, uint32_t *ports, uint32_t room, uint32_t *out_count)
{
    heddle_test_t *test = (heddle_test_t *)host;
    *out_count = test->port_count;
    if (test->port_count > room) {
        return HEDDLE_E_FULL;
    }
    if (test->port_count > 0) {
        memcpy(ports, test->ports, test->port_count * sizeof *ports);
    }
    return HEDDLE_OK;
}

static inline heddle_port_info_t heddle_test_port_info_(const heddle_test_t *test, uint32_t at)
{
    heddle_port_info_t info;
    memset(&info, 0, sizeof info);
    info.struct_size = (uint32_t)sizeof info;
    info.port = test->ports[at];
    info.kind = HEDDLE_PORT_SYNTHETIC;
    info.nic_state = HEDDLE_NIC_CONNECTED;
    info.link_up = 1;
    info.admin_up = 1;
    info.mtu = 1500;
    info.speed_mbps = 10000;
    memcpy(info.name, test->port_names[at], sizeof info.name);
    return info;
}

static inline int32_t heddle_test_port_query_(void *host, uint32_t port, heddle_port_info_t *out)
{
    heddle_test_t *test = (heddle_test_t *)host;
    for (uint32_t at = 0; at < test->port_count; at++) {
        if (test->ports[at] == port) {
            heddle_port_info_t info = heddle_test_port_info_(test, at);
            uint32_t size = out->struct_size;
            memcpy(out, &info, size < sizeof info ? size : sizeof info);
            out->struct_size = size;
            return HEDDLE_OK;
        }
    }
    return HEDDLE_E_GONE;
}

static inline int32_t heddle_test_send_datagram_(void *host, heddle_bytes_t address, heddle_bytes_t payload)
{
    (void)address;
    if (payload.length > 1472) {
        return HEDDLE_E_INVALID;
    }
    ((heddle_test_t *)host)->datagram_count++;
    return HEDDLE_OK;
}

static inline int32_t heddle_test_make_writable_(void *call, uint32_t index)
{
    heddle_test_t *test = (heddle_test_t *)call;
    if (index >= test->count) {
        return HEDDLE_E_INVALID;
    }
    return test->ingress_call ? HEDDLE_OK : HEDDLE_E_FORBIDDEN;
}

/* Fills the parsed facts of a descriptor: EtherType, layers, protocol. */
static inline void heddle_test_parse_(const uint8_t *bytes, heddle_packet_t *packet)
{
    packet->ethertype = 0;
    packet->ip_protocol = 0;
    packet->l3 = 0;
    packet->l4 = 0;
    if (packet->length < 14) {
        packet->flags |= HEDDLE_PACKET_TRUNCATED;
        return;
    }
    packet->ethertype = (uint16_t)(bytes[12] << 8 | bytes[13]);
    packet->l3 = packet->length > 14 ? 14 : 0;
    if (packet->ethertype == 0x0800 && packet->length >= 34) {
        uint32_t l4 = 14u + (uint32_t)(bytes[14] & 15) * 4;
        packet->ip_protocol = bytes[23];
        if ((packet->ip_protocol == 6 || packet->ip_protocol == 17) && packet->length >= l4 + 4) {
            packet->l4 = (uint16_t)l4;
            packet->flow_hash = (uint32_t)(bytes[l4] << 8 | bytes[l4 + 1]) ^ (uint32_t)(bytes[l4 + 2] << 8 | bytes[l4 + 3]);
        }
    }
}

static inline int32_t heddle_test_reparse_(void *call, uint32_t index)
{
    heddle_test_t *test = (heddle_test_t *)call;
    if (index >= test->count) {
        return HEDDLE_E_INVALID;
    }
    heddle_test_parse_(heddle_test_bytes(test, &test->packets[index]), &test->packets[index]);
    return HEDDLE_OK;
}

static inline void heddle_test_keep_(heddle_test_t *test, const heddle_packet_t *packet, heddle_test_frame_t *frame)
{
    if (packet->length > HEDDLE_TEST_FRAME_MAX) {
        heddle_test_die("a frame is longer than its buffer");
    }
    frame->length = packet->length;
    memcpy(frame->bytes, heddle_test_bytes(test, packet), packet->length);
}

static inline int32_t heddle_test_hold_(void *call, uint32_t index, uint64_t *out)
{
    heddle_test_t *test = (heddle_test_t *)call;
    if (index >= test->count) {
        return HEDDLE_E_INVALID;
    }
    for (uint32_t at = 0; at < HEDDLE_TEST_HELD_MAX; at++) {
        if (!test->held_open[at]) {
            heddle_test_keep_(test, &test->packets[index], &test->held[at]);
            test->held_open[at] = 1;
            test->held_count++;
            test->packets[index].verdict = HEDDLE_VERDICT_HOLD;
            *out = ((uint64_t)7 << 32) + at;
            return HEDDLE_OK;
        }
    }
    return HEDDLE_E_FULL;
}

static inline int heddle_test_take_held_(heddle_test_t *test, uint64_t handle)
{
    uint64_t at = handle - ((uint64_t)7 << 32);
    if (at >= HEDDLE_TEST_HELD_MAX || !test->held_open[at]) {
        return 0;
    }
    test->held_open[at] = 0;
    test->held_count--;
    return 1;
}

static inline int32_t heddle_test_release_(void *call, uint64_t handle)
{
    heddle_test_t *test = (heddle_test_t *)call;
    if (!heddle_test_take_held_(test, handle)) {
        return HEDDLE_E_GONE;
    }
    test->released_count++;
    return HEDDLE_OK;
}

static inline heddle_packet_t *heddle_test_draft_(heddle_test_t *test, uint64_t handle)
{
    uint64_t at = handle - ((uint64_t)9 << 32);
    return at < test->draft_count && test->draft_open[at] ? &test->drafts[at] : NULL;
}

static inline int32_t heddle_test_discard_(void *call, uint64_t handle, uint16_t reason)
{
    heddle_test_t *test = (heddle_test_t *)call;
    (void)reason;
    if (heddle_test_draft_(test, handle) != NULL) {
        test->draft_open[handle - ((uint64_t)9 << 32)] = 0;
        return HEDDLE_OK;
    }
    if (!heddle_test_take_held_(test, handle)) {
        return HEDDLE_E_GONE;
    }
    test->discarded_count++;
    return HEDDLE_OK;
}

static inline int32_t heddle_test_originate_(void *call, uint32_t length, uint64_t *out, heddle_packet_t *out_packet)
{
    heddle_test_t *test = (heddle_test_t *)call;
    uint32_t at = test->draft_count;
    heddle_packet_t *draft;
    if (length < 14 || length > HEDDLE_TEST_FRAME_MAX) {
        return HEDDLE_E_INVALID;
    }
    if (at == HEDDLE_BATCH_MAX) {
        return HEDDLE_E_FULL;
    }
    draft = &test->drafts[at];
    memset(draft, 0, sizeof *draft);
    draft->buffer = (uint32_t)((HEDDLE_BATCH_MAX + at) * HEDDLE_TEST_SLOT / 64);
    draft->start = 128;
    draft->length = length;
    memset(heddle_test_bytes(test, draft), 0, length);
    test->draft_open[at] = 1;
    test->draft_count++;
    *out = ((uint64_t)9 << 32) + at;
    *out_packet = *draft;
    return HEDDLE_OK;
}

static inline int32_t heddle_test_clone_(void *call, uint32_t index, uint64_t *out, heddle_packet_t *out_packet)
{
    heddle_test_t *test = (heddle_test_t *)call;
    const heddle_packet_t *from;
    int32_t status;
    if (index >= test->count) {
        return HEDDLE_E_INVALID;
    }
    from = &test->packets[index];
    status = heddle_test_originate_(call, from->length, out, out_packet);
    if (status == HEDDLE_OK) {
        memcpy(heddle_test_bytes(test, out_packet), heddle_test_bytes(test, from), from->length);
    }
    return status;
}

static inline int32_t heddle_test_inject_(void *call, uint64_t handle, uint32_t source_port)
{
    heddle_test_t *test = (heddle_test_t *)call;
    heddle_packet_t *draft = heddle_test_draft_(test, handle);
    heddle_test_frame_t *frame;
    if (heddle_extension_meta.role == HEDDLE_ROLE_FORWARDING) {
        return HEDDLE_E_FORBIDDEN;
    }
    if (draft == NULL) {
        return HEDDLE_E_GONE;
    }
    if (test->injected_count == HEDDLE_BATCH_MAX) {
        return HEDDLE_E_FULL;
    }
    frame = &test->injected[test->injected_count++];
    memset(&frame->to, 0, sizeof frame->to);
    heddle_test_keep_(test, draft, frame);
    frame->port = source_port;
    test->draft_open[handle - ((uint64_t)9 << 32)] = 0;
    return HEDDLE_OK;
}

/* Position of a port; the number of ports when there is none of this id. */
static inline uint32_t heddle_test_port_at_(const heddle_test_t *test, uint32_t port)
{
    uint32_t at = 0;
    while (at < test->port_count && test->ports[at] != port) {
        at++;
    }
    return at;
}

static inline int32_t heddle_test_inject_to_(void *call, uint64_t handle, uint32_t source_port, const heddle_destination_t *to)
{
    heddle_test_t *test = (heddle_test_t *)call;
    heddle_packet_t *draft = heddle_test_draft_(test, handle);
    heddle_test_frame_t *frame;
    if (heddle_extension_meta.role != HEDDLE_ROLE_FORWARDING) {
        return HEDDLE_E_FORBIDDEN;
    }
    if (to == NULL || (to->verdict != HEDDLE_VERDICT_TO_PORT && to->verdict != HEDDLE_VERDICT_TO_GROUP)) {
        return HEDDLE_E_INVALID;
    }
    if (draft == NULL ||
        (to->verdict == HEDDLE_VERDICT_TO_PORT ? heddle_test_port_at_(test, to->target) == test->port_count
                                               : to->target == 0 || to->target > test->group_count)) {
        return HEDDLE_E_GONE;
    }
    if (test->injected_count == HEDDLE_BATCH_MAX) {
        return HEDDLE_E_FULL;
    }
    frame = &test->injected[test->injected_count++];
    heddle_test_keep_(test, draft, frame);
    frame->port = source_port;
    frame->to = *to;
    test->draft_open[handle - ((uint64_t)9 << 32)] = 0;
    return HEDDLE_OK;
}

static inline int32_t heddle_test_take_reference_(const heddle_test_t *test, uint32_t port, uint32_t *counts)
{
    uint32_t at = heddle_test_port_at_(test, port);
    if (at == test->port_count) {
        return HEDDLE_E_GONE;
    }
    counts[at]++;
    return HEDDLE_OK;
}

static inline int32_t heddle_test_give_reference_(const heddle_test_t *test, uint32_t port, uint32_t *counts)
{
    uint32_t at = heddle_test_port_at_(test, port);
    if (at == test->port_count || counts[at] == 0) {
        return HEDDLE_E_INVALID;
    }
    counts[at]--;
    return HEDDLE_OK;
}

static inline int32_t heddle_test_port_reference_(void *host, uint32_t port)
{
    return heddle_test_take_reference_((heddle_test_t *)host, port, ((heddle_test_t *)host)->port_references);
}

static inline int32_t heddle_test_port_dereference_(void *host, uint32_t port)
{
    return heddle_test_give_reference_((heddle_test_t *)host, port, ((heddle_test_t *)host)->port_references);
}

static inline int32_t heddle_test_nic_reference_(void *host, uint32_t port, uint32_t nic)
{
    (void)nic;
    return heddle_test_take_reference_((heddle_test_t *)host, port, ((heddle_test_t *)host)->nic_references);
}

static inline int32_t heddle_test_nic_dereference_(void *host, uint32_t port, uint32_t nic)
{
    (void)nic;
    return heddle_test_give_reference_((heddle_test_t *)host, port, ((heddle_test_t *)host)->nic_references);
}

/* The extension's life. */

static inline int32_t heddle_test_event_(heddle_test_t *test, uint32_t kind, const heddle_port_info_t *info)
{
    heddle_error_text_t error;
    heddle_event_t event;
    if (heddle_extension_v1.event == NULL) {
        return HEDDLE_OK;
    }
    memset(&error, 0, sizeof error);
    memset(&event, 0, sizeof event);
    event.struct_size = (uint32_t)sizeof event;
    event.kind = kind;
    event.port = info != NULL ? info->port : 0;
    event.info = info;
    event.switch_name = HEDDLE_TEXT("test");
    return heddle_extension_v1.event(test->instance, &event, &error);
}

/* How a request ended that the extension accepted. */
static inline void heddle_test_completed_(heddle_test_t *test, uint32_t kind, const heddle_port_info_t *info, int32_t status)
{
    heddle_event_t event;
    if (heddle_extension_v1.completed == NULL) {
        return;
    }
    memset(&event, 0, sizeof event);
    event.struct_size = (uint32_t)sizeof event;
    event.kind = kind;
    event.port = info->port;
    event.info = info;
    event.switch_name = HEDDLE_TEXT("test");
    heddle_extension_v1.completed(test->instance, &event, status);
}

static inline heddle_test_t *heddle_test_new_(void)
{
    heddle_test_t *test = (heddle_test_t *)calloc(1, sizeof *test);
    if (test == NULL) {
        heddle_test_die("no memory for the test");
        return NULL;
    }
    test->now_ns = 1000000000;
    test->host.struct_size = (uint32_t)sizeof test->host;
    test->host.abi_minor = HEDDLE_ABI_MINOR;
    test->host.context = test;
    test->host.log = heddle_test_log_;
    test->host.counter_register = heddle_test_counter_register_;
    test->host.counter_add = heddle_test_counter_add_;
    test->host.drop_reason_register = heddle_test_reason_register_;
    test->host.group_create = heddle_test_group_create_;
    test->host.group_update = heddle_test_group_update_;
    test->host.port_list = heddle_test_port_list_;
    test->host.port_query = heddle_test_port_query_;
    test->host.send_datagram = heddle_test_send_datagram_;
    test->host.make_writable = heddle_test_make_writable_;
    test->host.reparse = heddle_test_reparse_;
    test->host.hold = heddle_test_hold_;
    test->host.release = heddle_test_release_;
    test->host.discard = heddle_test_discard_;
    test->host.originate = heddle_test_originate_;
    test->host.clone_packet = heddle_test_clone_;
    test->host.inject = heddle_test_inject_;
    test->host.inject_to = heddle_test_inject_to_;
    test->host.port_reference = heddle_test_port_reference_;
    test->host.port_dereference = heddle_test_port_dereference_;
    test->host.nic_reference = heddle_test_nic_reference_;
    test->host.nic_dereference = heddle_test_nic_dereference_;
    return test;
}

/* Creates the instance; `error` gets what it says when it refuses, and the result is null. */
static inline heddle_test_t *heddle_test_try_start(const char *config, char error[513])
{
    heddle_test_t *test = heddle_test_new_();
    heddle_bytes_t text = heddle_text(config, strlen(config));
    heddle_error_text_t refused;
    memset(&refused, 0, sizeof refused);
    if (heddle_extension_v1.create(&test->host, text, &test->instance, &refused) != HEDDLE_OK) {
        uint32_t length = refused.length < 512 ? refused.length : 512;
        memcpy(error, refused.text, length);
        error[length] = '\0';
        free(test);
        return NULL;
    }
    if (heddle_extension_v1.worker_init != NULL &&
        heddle_extension_v1.worker_init(test->instance, 0, &test->context) != HEDDLE_OK) {
        heddle_extension_v1.destroy(test->instance);
        strcpy(error, "worker_init failed");
        free(test);
        return NULL;
    }
    heddle_test_event_(test, HEDDLE_EVENT_SWITCH_CREATE, NULL);
    heddle_test_event_(test, HEDDLE_EVENT_SWITCH_ACTIVATE, NULL);
    return test;
}

/* The same; a refusal ends the test. `config` has lines "key=value\n". */
static inline heddle_test_t *heddle_test_start(const char *config)
{
    char error[513] = "";
    heddle_test_t *test = heddle_test_try_start(config, error);
    if (test == NULL) {
        fprintf(stderr, "the extension refused to start: %s\n", error);
        exit(1);
    }
    return test;
}

/* Adds a port; 0 when the extension vetoes it. */
static inline int heddle_test_add_port(heddle_test_t *test, uint32_t id, const char *name)
{
    heddle_port_info_t info;
    uint32_t at = test->port_count;
    if (at == HEDDLE_TEST_NAMES) {
        heddle_test_die("more than 64 ports");
    }
    test->ports[at] = id;
    memset(test->port_names[at], 0, sizeof test->port_names[at]);
    strncpy(test->port_names[at], name, sizeof test->port_names[at] - 1);
    test->port_references[at] = 0;
    test->nic_references[at] = 0;
    test->port_count++;
    info = heddle_test_port_info_(test, at);
    if (heddle_test_event_(test, HEDDLE_EVENT_PORT_CREATE, &info) != HEDDLE_OK) {
        test->port_count--;
        return 0;
    }
    heddle_test_completed_(test, HEDDLE_EVENT_PORT_CREATE, &info, HEDDLE_OK);
    if (heddle_test_event_(test, HEDDLE_EVENT_NIC_CREATE, &info) != HEDDLE_OK) {
        heddle_test_event_(test, HEDDLE_EVENT_PORT_TEARDOWN, &info);
        test->port_count--;
        heddle_test_event_(test, HEDDLE_EVENT_PORT_DELETE, &info);
        return 0;
    }
    heddle_test_completed_(test, HEDDLE_EVENT_NIC_CREATE, &info, HEDDLE_OK);
    heddle_test_event_(test, HEDDLE_EVENT_NIC_CONNECT, &info);
    return 1;
}

/* References to ports and NICs that the extension has. */
static inline uint32_t heddle_test_references(const heddle_test_t *test)
{
    uint32_t sum = 0;
    for (uint32_t at = 0; at < test->port_count; at++) {
        sum += test->port_references[at] + test->nic_references[at];
    }
    return sum;
}

/* Takes a port away. A reference that is kept to its NIC after NIC_DISCONNECT, or to it after PORT_TEARDOWN, ends the test. */
static inline void heddle_test_remove_port(heddle_test_t *test, uint32_t id)
{
    uint32_t at = heddle_test_port_at_(test, id);
    heddle_port_info_t info;
    if (at == test->port_count) {
        heddle_test_die("the test removes a port that there is not");
    }
    info = heddle_test_port_info_(test, at);
    heddle_test_event_(test, HEDDLE_EVENT_NIC_DISCONNECT, &info);
    if (test->nic_references[at] > 0) {
        heddle_test_die("a NIC is still referenced after its NIC_DISCONNECT: on a switch the port could not be deleted");
    }
    heddle_test_event_(test, HEDDLE_EVENT_NIC_DELETE, &info);
    heddle_test_event_(test, HEDDLE_EVENT_PORT_TEARDOWN, &info);
    if (test->port_references[at] > 0) {
        heddle_test_die("a port is still referenced after its PORT_TEARDOWN: on a switch it could not be deleted");
    }
    test->port_count--;
    for (uint32_t from = at; from < test->port_count; from++) {
        test->ports[from] = test->ports[from + 1];
        memcpy(test->port_names[from], test->port_names[from + 1], sizeof test->port_names[from]);
        test->port_references[from] = test->port_references[from + 1];
        test->nic_references[from] = test->nic_references[from + 1];
    }
    heddle_test_event_(test, HEDDLE_EVENT_PORT_DELETE, &info);
}

/* Frames for the next batch. */

static inline void heddle_test_frame(heddle_test_t *test, uint32_t from, uint32_t to, const uint8_t *bytes, uint32_t length)
{
    heddle_packet_t *packet;
    if (test->count == HEDDLE_BATCH_MAX || length > HEDDLE_TEST_FRAME_MAX) {
        heddle_test_die("a batch has at most 256 frames of 2,048 bytes");
    }
    packet = &test->packets[test->count];
    memset(packet, 0, sizeof *packet);
    packet->buffer = test->count * HEDDLE_TEST_SLOT / 64;
    packet->start = 128;
    packet->length = length;
    packet->source_port = from;
    packet->destination = to;
    memcpy(heddle_test_bytes(test, packet), bytes, length);
    heddle_test_parse_(bytes, packet);
    test->count++;
}

/* A UDP datagram over IPv4, 10.0.0.1:1000 to 10.0.0.2:2000, of `length` bytes in all, at least 42. */
static inline void heddle_test_udp(heddle_test_t *test, uint32_t from, uint32_t to, uint32_t length)
{
    uint8_t bytes[HEDDLE_TEST_FRAME_MAX] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0,
                                            0, 10, 0, 0, 1, 10, 0, 0, 2, 1000 >> 8, 1000 & 255, 2000 >> 8, 2000 & 255};
    uint32_t sum = 0;
    if (length < 42 || length > HEDDLE_TEST_FRAME_MAX) {
        heddle_test_die("a UDP frame has 42 to 2,048 bytes");
    }
    bytes[16] = (uint8_t)((length - 14) >> 8);
    bytes[17] = (uint8_t)(length - 14);
    bytes[38] = (uint8_t)((length - 34) >> 8);
    bytes[39] = (uint8_t)(length - 34);
    for (int at = 14; at < 34; at += 2) {
        sum += (uint32_t)(bytes[at] << 8 | bytes[at + 1]);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    bytes[24] = (uint8_t)(~sum >> 8);
    bytes[25] = (uint8_t)~sum;
    heddle_test_frame(test, from, to, bytes, length);
}

static inline void heddle_test_begin_(heddle_test_t *test, heddle_batch_t *batch, uint8_t leg)
{
    memset(batch, 0, sizeof *batch);
    batch->struct_size = (uint32_t)sizeof *batch;
    batch->count = test->count;
    batch->packets = test->packets;
    batch->base = test->arena;
    batch->call = test;
    batch->now_ns = test->now_ns;
    batch->leg = leg;
    batch->draft_base = test->arena;
    test->ingress_call = leg == HEDDLE_LEG_INGRESS;
    test->draft_count = 0;
}

static inline void heddle_test_end_(heddle_test_t *test, int32_t status)
{
    if (status != HEDDLE_OK) {
        heddle_test_die("a data-path function returned a failure");
    }
    for (uint32_t at = 0; at < test->draft_count; at++) {
        if (test->draft_open[at]) {
            heddle_test_die("a draft was neither injected nor discarded");
        }
    }
    for (uint32_t at = 0; at < test->count; at++) {
        if (test->packets[at].verdict > HEDDLE_VERDICT_TO_GROUP) {
            heddle_test_die("an unknown verdict");
        }
        if (heddle_extension_meta.role == HEDDLE_ROLE_CAPTURE && test->packets[at].verdict != HEDDLE_VERDICT_PASS) {
            heddle_test_die("a capture extension gave a verdict");
        }
    }
}

/* Shows the frames to the extension as they enter the switch. Look at them, then heddle_test_clear. */
static inline void heddle_test_ingress(heddle_test_t *test)
{
    heddle_batch_t batch;
    for (uint32_t at = 0; at < test->count; at++) {
        test->packets[at].destination = 0;
    }
    heddle_test_begin_(test, &batch, HEDDLE_LEG_INGRESS);
    heddle_test_end_(test, heddle_extension_v1.ingress != NULL ? heddle_extension_v1.ingress(test->context, &batch) : HEDDLE_OK);
}

/* Shows them as deliveries that leave the switch. */
static inline void heddle_test_egress(heddle_test_t *test)
{
    heddle_batch_t batch;
    heddle_test_begin_(test, &batch, HEDDLE_LEG_EGRESS);
    heddle_test_end_(test, heddle_extension_v1.egress != NULL ? heddle_extension_v1.egress(test->context, &batch) : HEDDLE_OK);
}

/* Forgets the frames of the last batch. */
static inline void heddle_test_clear(heddle_test_t *test)
{
    test->count = 0;
}

/* Moves the clock on and calls the periodic functions once. */
static inline void heddle_test_advance_ms(heddle_test_t *test, uint64_t milliseconds)
{
    heddle_batch_t batch;
    test->now_ns += milliseconds * 1000000;
    test->count = 0;
    if (heddle_extension_v1.worker_tick != NULL) {
        heddle_test_begin_(test, &batch, HEDDLE_LEG_INGRESS);
        heddle_test_end_(test, heddle_extension_v1.worker_tick(test->context, &batch));
    }
    if (heddle_extension_v1.tick != NULL) {
        heddle_extension_v1.tick(test->instance, test->now_ns);
    }
}

/* What became of a frame. */

static inline int heddle_test_passed(const heddle_test_t *test, uint32_t index)
{
    return index < test->count && test->packets[index].verdict == HEDDLE_VERDICT_PASS;
}

/* The id of the reason it was dropped for; null when it was not. */
static inline const char *heddle_test_dropped_for(const heddle_test_t *test, uint32_t index)
{
    uint32_t code;
    if (index >= test->count || test->packets[index].verdict != HEDDLE_VERDICT_DROP) {
        return NULL;
    }
    code = test->packets[index].drop_reason;
    if (code < HEDDLE_TEST_FIRST_REASON || code - HEDDLE_TEST_FIRST_REASON >= test->reason_count) {
        return code == HEDDLE_DROP_REASON_UNSPECIFIED ? "unspecified" : "unregistered";
    }
    return test->reasons[code - HEDDLE_TEST_FIRST_REASON];
}

static inline int heddle_test_dropped(const heddle_test_t *test, uint32_t index, const char *reason)
{
    const char *found = heddle_test_dropped_for(test, index);
    return found != NULL && strcmp(found, reason) == 0;
}

/* The port a forwarding extension sent it to; 0 when to none or to a group. */
static inline uint32_t heddle_test_sent_to(const heddle_test_t *test, uint32_t index)
{
    return index < test->count && test->packets[index].verdict == HEDDLE_VERDICT_TO_PORT ? test->packets[index].destination : 0;
}

/* Whether a forwarding extension sent it to a group with this port. */
static inline int heddle_test_flooded_to(const heddle_test_t *test, uint32_t index, uint32_t port)
{
    uint32_t group = index < test->count ? test->packets[index].destination : 0;
    if (group == 0 || group > test->group_count || test->packets[index].verdict != HEDDLE_VERDICT_TO_GROUP) {
        return 0;
    }
    for (uint32_t at = 0; at < test->group_sizes[group - 1]; at++) {
        if (test->groups[group - 1][at] == port) {
            return 1;
        }
    }
    return 0;
}

/* The value of a counter; UINT64_MAX when there is none of this name. */
static inline uint64_t heddle_test_counter(const heddle_test_t *test, const char *name)
{
    for (uint32_t at = 0; at < test->counter_count; at++) {
        if (strcmp(test->counter_names[at], name) == 0) {
            return test->counters[at];
        }
    }
    return UINT64_MAX;
}

/* Policies, of extensions that offer heddle.policy/1. */

static inline const heddle_policy_v1_t *heddle_test_policies_(void)
{
    const heddle_policy_v1_t *table = NULL;
    if (heddle_extension_v1.interface != NULL) {
        table = (const heddle_policy_v1_t *)heddle_extension_v1.interface(HEDDLE_POLICY_ID);
    }
    if (table == NULL) {
        heddle_test_die("it does not offer heddle.policy/1");
    }
    return table;
}

/*
 * Puts a property on a port (0 = the switch), changes it or takes it away: action is HEDDLE_PROPERTY_*, values are all of its
 * values as lines "key=value\n", defaults included. The status it answers; `error` gets its words, or may be null.
 */
static inline int32_t heddle_test_property(heddle_test_t *test, uint32_t action, uint32_t port, const char *feature,
                                           const char *values, char error[513])
{
    const heddle_policy_v1_t *table = heddle_test_policies_();
    heddle_property_t property;
    heddle_error_text_t refused;
    int32_t status = HEDDLE_OK;
    int known = 0;
    for (uint32_t at = 0; at < table->feature_count; at++) {
        const heddle_bytes_t id = table->features[at].id;
        known |= id.length == strlen(feature) && memcmp(id.data, feature, id.length) == 0;
    }
    if (!known && strncmp(feature, "heddle.", 7) != 0) {
        heddle_test_die("the test names a feature that the extension does not publish");
    }
    memset(&refused, 0, sizeof refused);
    memset(&property, 0, sizeof property);
    property.struct_size = (uint32_t)sizeof property;
    property.action = action;
    property.port = port;
    property.feature = heddle_text(feature, strlen(feature));
    property.instance = HEDDLE_TEXT("default");
    property.values = heddle_text(values, strlen(values));
    if (table->property != NULL) {
        status = table->property(test->instance, &property, &refused);
    }
    if (action == HEDDLE_PROPERTY_DELETE && status != HEDDLE_OK) {
        heddle_test_die("it refused that a property is taken away, which cannot be refused");
    }
    if (status == HEDDLE_OK && table->property_done != NULL) {
        table->property_done(test->instance, &property, HEDDLE_OK);
    }
    if (error != NULL) {
        uint32_t length = refused.length < 512 ? refused.length : 512;
        memcpy(error, refused.text, length);
        error[length] = '\0';
    }
    return status;
}

/* What it tells of a feature on a port (0 = the switch), as lines "key=value\n"; the status it answers. */
static inline int32_t heddle_test_status(heddle_test_t *test, const char *feature, uint32_t port, char *text, uint32_t room)
{
    const heddle_policy_v1_t *table = heddle_test_policies_();
    uint32_t length = 0;
    int32_t status;
    if (table->status == NULL || room == 0) {
        return HEDDLE_E_GONE;
    }
    status = table->status(test->instance, heddle_text(feature, strlen(feature)), port, (uint8_t *)text, room - 1, &length);
    if (status == HEDDLE_OK && length > room - 1) {
        heddle_test_die("a status is longer than the room that was lent");
    }
    text[status == HEDDLE_OK ? length : 0] = '\0';
    return status;
}

/* State, of extensions that offer heddle.state/1. */

#define HEDDLE_TEST_PIECES 64u

typedef struct heddle_test_pieces_t {
    heddle_state_piece_t pieces[HEDDLE_TEST_PIECES];
    uint32_t count;
} heddle_test_pieces_t;

/* Lends room for the next piece, as small as a switch may lend it; what is written behind it ends the test. */
static inline heddle_state_piece_t *heddle_test_room_(heddle_test_pieces_t *saved, uint32_t scope, uint32_t index)
{
    heddle_state_piece_t *piece = &saved->pieces[saved->count];
    uint64_t room = scope == HEDDLE_STATE_WORKER ? HEDDLE_STATE_PIECE_MIN : HEDDLE_STATE_BLOB_MAX;
    if (saved->count == HEDDLE_TEST_PIECES) {
        heddle_test_die("its state has more than 64 pieces");
    }
    memset(piece, 0, sizeof *piece);
    piece->struct_size = (uint32_t)sizeof *piece;
    piece->scope = scope;
    piece->index = index;
    piece->room = room;
    piece->data = (uint8_t *)malloc(room + 64);
    if (piece->data == NULL) {
        heddle_test_die("no memory for the test");
        return piece;
    }
    memset(piece->data + room, 0xc5, 64);
    return piece;
}

/* Keeps a piece that was written; 0 when it is empty. */
static inline int heddle_test_keep_piece_(heddle_test_pieces_t *saved, int32_t status)
{
    heddle_state_piece_t *piece = &saved->pieces[saved->count];
    if (status != HEDDLE_OK) {
        heddle_test_die("it does not save its state");
    }
    for (uint32_t at = 0; at < 64; at++) {
        if (piece->data[piece->room + at] != 0xc5) {
            heddle_test_die("it writes behind the room for a piece of state");
        }
    }
    if (piece->length > piece->room) {
        heddle_test_die("a piece of state is longer than the room that was lent");
    }
    if (piece->length == 0) {
        free(piece->data);
        return 0;
    }
    saved->count++;
    return 1;
}

/*
 * Does what a hot upgrade does, to the same extension with another configuration: saves its state, makes a second instance,
 * tells it of the ports, restores, and ends the first one. 0 when the second refuses configuration or state: the first goes on.
 */
static inline int heddle_test_upgrade(heddle_test_t *test, const char *config)
{
    const heddle_state_v1_t *table = NULL;
    static heddle_test_pieces_t saved;
    heddle_error_text_t error;
    void *old_instance = test->instance, *old_context = test->context, *instance = NULL, *context = NULL;
    uint32_t references[2][HEDDLE_TEST_NAMES];
    int good = 1;
    if (heddle_extension_v1.interface != NULL) {
        table = (const heddle_state_v1_t *)heddle_extension_v1.interface(HEDDLE_STATE_ID);
    }
    if (table == NULL) {
        heddle_test_die("it does not offer heddle.state/1");
        return 0;
    }
    memset(&saved, 0, sizeof saved);
    memset(&error, 0, sizeof error);
    if (table->begin != NULL && table->begin(old_instance, &error) != HEDDLE_OK) {
        heddle_test_die("it refuses to save its state");
    }
    for (uint32_t index = 0; table->save != NULL && index < HEDDLE_STATE_BLOBS_MAX; index++) {
        heddle_state_piece_t *piece = heddle_test_room_(&saved, HEDDLE_STATE_INSTANCE, index);
        if (!heddle_test_keep_piece_(&saved, table->save(old_instance, piece, &error))) {
            break;
        }
    }
    for (uint32_t index = 0; table->save_worker != NULL; index++) {
        heddle_state_piece_t *piece = heddle_test_room_(&saved, HEDDLE_STATE_WORKER, index);
        if (!heddle_test_keep_piece_(&saved, table->save_worker(old_context, piece))) {
            break;
        }
    }
    /* References are an instance's own; those of the one that ends are given back. */
    memcpy(references[0], test->port_references, sizeof references[0]);
    memcpy(references[1], test->nic_references, sizeof references[1]);
    memset(test->port_references, 0, sizeof test->port_references);
    memset(test->nic_references, 0, sizeof test->nic_references);
    good = heddle_extension_v1.create(&test->host, heddle_text(config, strlen(config)), &instance, &error) == HEDDLE_OK;
    if (good && heddle_extension_v1.worker_init != NULL) {
        good = heddle_extension_v1.worker_init(instance, 0, &context) == HEDDLE_OK;
    }
    if (good) {
        test->instance = instance;
        heddle_test_event_(test, HEDDLE_EVENT_SWITCH_CREATE, NULL);
        for (uint32_t at = 0; at < test->port_count; at++) {
            heddle_port_info_t info = heddle_test_port_info_(test, at);
            heddle_test_event_(test, HEDDLE_EVENT_PORT_CREATE, &info);
            heddle_test_event_(test, HEDDLE_EVENT_NIC_CREATE, &info);
            heddle_test_event_(test, HEDDLE_EVENT_NIC_CONNECT, &info);
        }
        heddle_test_event_(test, HEDDLE_EVENT_SWITCH_ACTIVATE, NULL);
    }
    for (uint32_t at = 0; at < saved.count; at++) {
        heddle_state_piece_t *piece = &saved.pieces[at];
        piece->version = table->version;
        if (good && piece->scope == HEDDLE_STATE_INSTANCE) {
            good = table->restore != NULL && table->restore(instance, piece, &error) == HEDDLE_OK;
        } else if (good) {
            good = table->restore_worker != NULL && table->restore_worker(context, piece, &error) == HEDDLE_OK;
        }
        free(piece->data);
    }
    if (table->end_worker != NULL) {
        table->end_worker(old_context);
    }
    if (table->end != NULL) {
        table->end(old_instance, good ? HEDDLE_STATE_DONE : HEDDLE_STATE_ABANDONED);
    }
    /* Whichever is not needed any more. */
    test->instance = good ? old_instance : instance;
    if (test->instance != NULL) {
        heddle_test_event_(test, HEDDLE_EVENT_SWITCH_DELETE, NULL);
        if (heddle_extension_v1.worker_fini != NULL && (good || context != NULL)) {
            heddle_extension_v1.worker_fini(test->instance, good ? old_context : context);
        }
        heddle_extension_v1.destroy(test->instance);
    }
    if (!good) {
        memcpy(test->port_references, references[0], sizeof references[0]);
        memcpy(test->nic_references, references[1], sizeof references[1]);
    }
    test->instance = good ? instance : old_instance;
    test->context = good ? context : old_context;
    return good;
}

/* Ends the extension as disabling it does; the exit status of the test. */
static inline int heddle_test_stop(heddle_test_t *test)
{
    int failures;
    if (test->held_count > 0) {
        fprintf(stderr, "%u frames are still held; release or discard them\n", (unsigned)test->held_count);
        test->failures++;
    }
    while (test->port_count > 0) {
        heddle_test_remove_port(test, test->ports[test->port_count - 1]);
    }
    heddle_test_event_(test, HEDDLE_EVENT_SWITCH_DELETE, NULL);
    if (heddle_extension_v1.worker_fini != NULL) {
        heddle_extension_v1.worker_fini(test->instance, test->context);
    }
    heddle_extension_v1.destroy(test->instance);
    failures = test->failures;
    free(test);
    return failures == 0 ? 0 : 1;
}

#endif
