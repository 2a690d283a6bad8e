/* It refuses new values without a word. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_POLICY
#define ON_PROPERTY if (property->action == HEDDLE_PROPERTY_UPDATE) { return HEDDLE_E_VETO; }
#include "decent.h"
