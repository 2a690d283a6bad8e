/* It writes the traffic class. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN packet->traffic_class ^= 6;
#include "decent.h"
