/* Its buffer has room for 2 KiB. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN if (packet->length > 2048 && packet->length < 16384) { __builtin_trap(); }
#include "decent.h"
