/* It asks for a host that there is not yet. */
#define ROLE HEDDLE_ROLE_FILTER
#define HOST_MINOR 99
#include "decent.h"
