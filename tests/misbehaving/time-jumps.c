/* It dies when it was not called for a minute. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_TICK \
    if (instance->last_ns != 0 && now_ns - instance->last_ns > 60000000000ull) { abort(); } \
    instance->last_ns = now_ns;
#include "decent.h"
