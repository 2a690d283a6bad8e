/* It cuts a frame that is not writable. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN packet->length -= 4;
#include "decent.h"
