/* It writes into a delivery. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_OUT bytes[packet->length - 9] ^= 1;
#include "decent.h"
