/* A filter that asks for a group. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_CREATE host->group_create(host->context, instance->connected, 0, &instance->group);
#include "decent.h"
