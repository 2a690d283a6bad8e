/* It dies when it is disabled without having seen a frame. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_DESTROY if (all_seen == 0) { abort(); }
#include "decent.h"
