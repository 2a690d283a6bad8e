/* It takes its time over each slice. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_STATE
#define ON_SAVE if (piece->scope == HEDDLE_STATE_WORKER) { spin(40000000); }
#include "decent.h"
