/* It answers every id that it does not know. */
#define ROLE HEDDLE_ROLE_FILTER
#define INTERFACE \
    static const uint64_t anything[8] = {64}; if (strncmp(id, "heddle.", 7) != 0) { return anything; }
#include "decent.h"
