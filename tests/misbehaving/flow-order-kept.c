/* It lets the second of two frames go first. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_HOLD
#define ON_INGRESS \
    uint64_t first = 0, second = 0; if (batch->count >= 2 && (batch->packets[0].flags & \
    HEDDLE_PACKET_GSO) == 0 && host->hold(batch->call, 0, &first) == HEDDLE_OK) { if \
    (host->hold(batch->call, 1, &second) == HEDDLE_OK && host->release(batch->call, second) != \
    HEDDLE_OK) { second = 0; } host->release(batch->call, first); }
#define ON_IN if (packet->verdict == HEDDLE_VERDICT_HOLD) { continue; }
#include "decent.h"
