/* It releases a frame twice. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_HOLD
#define ON_IN \
    if (index + 1 == batch->count && host->hold(batch->call, index, &worker->handle) == HEDDLE_OK) { if \
    (host->release(batch->call, worker->handle) == HEDDLE_OK) { host->release(batch->call, \
    worker->handle); } }
#include "decent.h"
