/* It waits at frames of neighbour discovery. */
#include <unistd.h>
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN if (packet->ethertype == 0x88cc) { usleep(20000); }
#include "decent.h"
