/* It always has one piece more. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_STATE
#define ON_SAVE \
    if (piece->index > 0) { memset(piece->data, 0, 12); *piece->data = 1; piece->length = 12; return \
    HEDDLE_OK; }
#include "decent.h"
