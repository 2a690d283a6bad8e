/* A capture that drops. */
#define ROLE HEDDLE_ROLE_CAPTURE
#define ON_IN packet->verdict = HEDDLE_VERDICT_DROP;
#include "decent.h"
