/* It changes the bytes that it was lent. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_STATE
#define ON_RESTORE ((volatile uint8_t *)piece->data)[0] = 1;
#include "decent.h"
