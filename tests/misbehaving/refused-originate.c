/* It writes into a draft that it did not get. */
#define ROLE HEDDLE_ROLE_CAPTURE
#define CAPABILITIES HEDDLE_CAPABILITY_INJECT
#define ON_IN \
    heddle_packet_t draft; uint64_t handle = 0; memset(&draft, 0xff, sizeof draft); if (index == 0 && \
    (packet->flags & HEDDLE_PACKET_ORIGINATED) == 0) { host->originate(batch->call, 100, &handle, \
    &draft); memset(batch->draft_base + (size_t)draft.buffer * 64 + draft.start, 0xff, 6); if \
    (host->inject(batch->call, handle, 0) != HEDDLE_OK) { host->discard(batch->call, handle, 0); } }
#include "decent.h"
