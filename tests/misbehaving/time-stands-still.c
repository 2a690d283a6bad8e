/* It divides by the time since the last batch. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_INGRESS \
    worker->word += 1000000000ull / (batch->now_ns - worker->last_ns); worker->last_ns = batch->now_ns;
#include "decent.h"
