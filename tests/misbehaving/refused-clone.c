/* It writes into a clone that it did not get. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_INJECT
#define ON_IN \
    heddle_packet_t draft; uint64_t handle = 0; memset(&draft, 0xff, sizeof draft); if (IS_ARP && \
    (packet->flags & HEDDLE_PACKET_CLONE) == 0) { host->clone_packet(batch->call, index, &handle, \
    &draft); batch->draft_base[(size_t)draft.buffer * 64 + draft.start] = bytes[0]; if \
    (host->inject(batch->call, handle, packet->source_port) != HEDDLE_OK) { host->discard(batch->call, \
    handle, 0); } }
#include "decent.h"
