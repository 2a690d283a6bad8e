/* It keeps a pointer in the user word. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN if (packet->user != 0) { *(volatile uint64_t *)(uintptr_t)packet->user += 1; }
#include "decent.h"
