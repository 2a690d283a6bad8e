/* It corrects the layer 4 offset by hand. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN packet->l4 += 2;
#include "decent.h"
