/* It spends an age on every packet. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN spin(45000);
#include "decent.h"
