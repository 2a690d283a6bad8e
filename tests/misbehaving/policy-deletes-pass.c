/* It keeps what was put. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_POLICY
#define ON_PROPERTY \
    if (property->action == HEDDLE_PROPERTY_DELETE) { heddle_error(error, "it is in use"); return HEDDLE_E_VETO; }
#include "decent.h"
