/* It counts what is only judged as put. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_POLICY
#define ON_PROPERTY \
    if ((property->flags & HEDDLE_PROPERTY_VALIDATION) != 0 && ++instance->word > 100) { \
    heddle_error(error, "there are enough"); return HEDDLE_E_FULL; }
#include "decent.h"
