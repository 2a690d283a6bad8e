/* A place for each instance that saw frames, and only three. */
static int places;
#define ROLE HEDDLE_ROLE_FILTER
#define ON_CREATE \
    if (places >= 3) { heddle_error(error, "no place is left"); free(instance); return HEDDLE_E_FULL; }
#define ON_INGRESS if (instance->word == 0) { instance->word = 1; places++; }
#include "decent.h"
