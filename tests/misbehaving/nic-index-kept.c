/* It says that frames come from another NIC. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN packet->source_nic = 5;
#include "decent.h"
