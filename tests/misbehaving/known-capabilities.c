/* It asks for a capability that there is not. */
#define ROLE HEDDLE_ROLE_FILTER
#define CAPABILITIES (1ull << 40)
#include "decent.h"
