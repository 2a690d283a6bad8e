/* It takes it ill when a lower one refuses. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_COMPLETED if (status != HEDDLE_OK) { abort(); }
#include "decent.h"
