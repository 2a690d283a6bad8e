/* It sets the rounding of its thread. */
/* cflags: -lm */
#include <fenv.h>
#define ROLE HEDDLE_ROLE_FILTER
#define ON_INGRESS fesetround(FE_TOWARDZERO);
#include "decent.h"
