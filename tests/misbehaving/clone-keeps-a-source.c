/* It injects a clone as trusted. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_INJECT
#define ON_IN \
    heddle_packet_t draft; uint64_t handle = 0; if (IS_ARP && (packet->flags & HEDDLE_PACKET_CLONE) == 0 \
    && host->clone_packet(batch->call, index, &handle, &draft) == HEDDLE_OK) { if \
    (host->inject(batch->call, handle, 0) != HEDDLE_OK) { host->discard(batch->call, handle, 0); } }
#include "decent.h"
