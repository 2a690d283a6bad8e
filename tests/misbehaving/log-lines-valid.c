/* It writes log lines of level 9. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_TICK host->log(host->context, 9, HEDDLE_TEXT("very loud"));
#include "decent.h"
