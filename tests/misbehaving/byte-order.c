/* It says that it is big-endian. */
#define ROLE HEDDLE_ROLE_FILTER
#define BYTE_ORDER_STATED 2
#include "decent.h"
