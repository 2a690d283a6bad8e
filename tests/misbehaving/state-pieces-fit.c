/* It fills whole pages, whatever the room. */
#define ROLE HEDDLE_ROLE_FILTER
#define WITH_STATE
#define ON_SAVE if (piece->room % 4096 != 0) { memset(piece->data, 0, (piece->room / 4096 + 1) * 4096); }
#include "decent.h"
