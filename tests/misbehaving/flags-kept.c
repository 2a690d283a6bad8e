/* It says that a frame is a fragment. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN packet->flags ^= HEDDLE_PACKET_FRAGMENT;
#include "decent.h"
