/* It reads sixty bytes of every frame. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN worker->word += ((volatile uint8_t *)bytes)[59];
#include "decent.h"
