/* Its role is 9. */
#define ROLE 9
#include "decent.h"
