/* It keeps something in reserved bytes. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN packet->reserved[3] = 1;
#include "decent.h"
