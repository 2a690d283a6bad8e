/* It says that every frame comes from port 3. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN packet->source_port = 3;
#include "decent.h"
