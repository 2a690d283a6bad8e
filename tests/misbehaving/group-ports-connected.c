/* It makes a group of a port that it was not told of. */
#define ROLE HEDDLE_ROLE_FORWARDING
#define ON_CREATE \
    const uint32_t stranger = 300; host->group_create(host->context, &stranger, 1, &instance->group);
#include "decent.h"
