/* It writes a status that is longer than its room. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_POLICY
#define ON_STATUS if (room > 0) { memcpy(text, told, *length); return HEDDLE_OK; }
#include "decent.h"
