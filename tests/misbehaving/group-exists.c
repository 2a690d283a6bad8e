/* It sends ARP to a group that it never made. */
#define ROLE HEDDLE_ROLE_FORWARDING
#define ON_IN if (IS_ARP && !LEAVES_NATIVE) { packet->destination = 77; }
#include "decent.h"
