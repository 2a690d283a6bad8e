/* Its buffer ends at 16 KiB. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN if (packet->length > 16384) { __builtin_trap(); }
#include "decent.h"
