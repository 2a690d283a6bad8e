/* What it took up keeps it from working. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_STATE
#include <stdint.h>
static int taken;
#define ON_RESTORE taken |= piece->scope == HEDDLE_STATE_WORKER;
#define AFTER_INGRESS if (taken) { return HEDDLE_E_FAILED; }
#include "decent.h"
