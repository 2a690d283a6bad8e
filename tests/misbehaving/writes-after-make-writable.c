/* It writes without asking. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN bytes[packet->length - 9] ^= 1;
#include "decent.h"
