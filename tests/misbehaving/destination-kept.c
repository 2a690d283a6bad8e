/* It sends a delivery elsewhere. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_OUT packet->destination += 1;
#include "decent.h"
