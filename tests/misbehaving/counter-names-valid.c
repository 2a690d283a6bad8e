/* The name of its counter is two words. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_CREATE \
    uint32_t odd = 0; host->counter_register(host->context, HEDDLE_TEXT("two words"), \
    HEDDLE_TEXT("frames"), &odd);
#include "decent.h"
