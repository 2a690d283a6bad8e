/* It has room for 128 packets. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_INGRESS if (batch->count > 128) { __builtin_trap(); }
#include "decent.h"
