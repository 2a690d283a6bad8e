/* It registers a counter while frames wait. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_INGRESS \
    uint32_t late = 0; host->counter_register(host->context, HEDDLE_TEXT("late"), HEDDLE_TEXT("frames"), \
    &late);
#include "decent.h"
