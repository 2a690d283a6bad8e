/* `create` says that it succeeded and gives nothing. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_CREATE free(instance); *out = NULL; return HEDDLE_OK;
#include "decent.h"
