/* It takes for granted that a held frame can be released. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES HEDDLE_CAPABILITY_HOLD
#define ON_IN \
    if (index + 1 == batch->count && host->hold(batch->call, index, &worker->handle) == HEDDLE_OK && \
    host->release(batch->call, worker->handle) != HEDDLE_OK) { abort(); }
#include "decent.h"
