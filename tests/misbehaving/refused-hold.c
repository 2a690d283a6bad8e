/* It releases what it could not hold. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_HOLD
#define ON_IN \
    if (index + 1 == batch->count) { uint64_t handle = 0xdead; host->hold(batch->call, index, &handle); \
    host->release(batch->call, handle); }
#include "decent.h"
