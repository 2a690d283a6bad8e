/* It states fewer rows of its layout table than there are. */
#define ROLE HEDDLE_ROLE_FILTER
#define ROWS_STATED (HEDDLE_LAYOUT_ROWS - 3)
#include "decent.h"
