/* It asks for ports before there are any. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_CREATE uint32_t early[4], count = 0; host->port_list(host->context, early, 4, &count);
#include "decent.h"
