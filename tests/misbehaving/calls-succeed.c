/* It fails where it should drop. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN if (IS_ARP) { worker->word = 1; }
#define AFTER_INGRESS if (worker->word != 0) { worker->word = 0; return HEDDLE_E_FAILED; }
#include "decent.h"
