/* It gives destinations to frames that are forwarded natively. */
#define ROLE HEDDLE_ROLE_FORWARDING
#define LEAVES_NATIVE 0
#include "decent.h"
