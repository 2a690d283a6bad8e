/* It writes the virtual subnet. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN packet->virtual_subnet = 4097;
#include "decent.h"
