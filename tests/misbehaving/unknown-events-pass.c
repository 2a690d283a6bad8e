/* It fails on kinds of events that are newer than it is. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_EVENT if (event->kind > 1000) { heddle_error(error, "what is that"); return HEDDLE_E_INVALID; }
#include "decent.h"
