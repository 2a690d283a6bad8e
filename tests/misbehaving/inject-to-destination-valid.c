/* It sends a frame of its own to a port that there is not. */
#define ROLE HEDDLE_ROLE_FORWARDING
#define HOST_MINOR 4
#define CAPABILITIES HEDDLE_CAPABILITY_GROUPS | HEDDLE_CAPABILITY_INJECT
#define ON_IN \
    heddle_packet_t draft; uint64_t handle = 0; heddle_destination_t to = {.target = 999, \
    .verdict = HEDDLE_VERDICT_TO_PORT}; if (IS_ARP && (packet->flags & HEDDLE_PACKET_ORIGINATED) == 0 && \
    host->originate(batch->call, 100, &handle, &draft) == HEDDLE_OK) { uint8_t *own = batch->draft_base + \
    (size_t)draft.buffer * 64 + draft.start; memset(own, 0xff, 12); own[12] = 0x88; own[13] = 0xb5; \
    if (host->inject_to(batch->call, handle, 0, &to) != HEDDLE_OK) { host->discard(batch->call, handle, 0); } }
#include "decent.h"
