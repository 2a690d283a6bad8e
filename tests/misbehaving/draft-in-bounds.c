/* It writes one byte behind a draft. */
#define ROLE HEDDLE_ROLE_CAPTURE
#define CAPABILITIES HEDDLE_CAPABILITY_INJECT
#define ON_IN \
    heddle_packet_t draft; uint64_t handle = 0; if (index == 0 && (packet->flags & \
    HEDDLE_PACKET_ORIGINATED) == 0 && host->originate(batch->call, 100, &handle, &draft) == HEDDLE_OK) { \
    uint8_t *own = batch->draft_base + (size_t)draft.buffer * 64 + draft.start; memset(own, 0xff, 6); \
    own[12] = 0x88; own[13] = 0xb5; own[100] = 1; if (host->inject(batch->call, handle, 0) != HEDDLE_OK) \
    { host->discard(batch->call, handle, 0); } }
#include "decent.h"
