/* It takes a little memory for each frame. */
#define ROLE HEDDLE_ROLE_FILTER
#define ON_IN worker->kept = malloc(64); if (worker->kept != NULL) { memset(worker->kept, 1, 64); }
#include "decent.h"
