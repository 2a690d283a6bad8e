/* It keeps port ids in 16 bits. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT if (event->port > 0xffff) { abort(); }
#include "decent.h"
