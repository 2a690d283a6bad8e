/* Its verdict is 77. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN if (IS_ARP) { packet->verdict = 77; }
#include "decent.h"
