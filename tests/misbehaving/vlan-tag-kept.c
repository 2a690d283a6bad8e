/* It writes the tag. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN packet->vlan_tci ^= 5;
#include "decent.h"
