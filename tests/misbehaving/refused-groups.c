/* It sends to a group that it did not get. */
#define ROLE HEDDLE_ROLE_FORWARDING
#define GROUP_FAILS instance->group = 40;
#include "decent.h"
