/* It takes leave with its state, although nobody took that up. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_STATE
#define ON_END instance->word = outcome == HEDDLE_STATE_ABANDONED;
#define AFTER_INGRESS if (instance->word) { return HEDDLE_E_FAILED; }
#include "decent.h"
