/* Once a second its tick takes long. */
#include <unistd.h>
#define ROLE HEDDLE_ROLE_FILTER
#define ON_TICK \
    if (now_ns / 1000000000 != instance->last_ns / 1000000000) { usleep(40000); } instance->last_ns = \
    now_ns;
#include "decent.h"
