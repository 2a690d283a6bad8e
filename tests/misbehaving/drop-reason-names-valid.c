/* The id of its drop reason is no kebab-case. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_CREATE \
    host->drop_reason_register(host->context, HEDDLE_TEXT("Not Kebab"), HEDDLE_TEXT("odd"), \
    &instance->reason);
#include "decent.h"
