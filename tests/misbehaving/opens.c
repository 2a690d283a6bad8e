/* It needs a function that nobody has. */
/* cflags: -Wl,-z,undefs */
extern int nobody_has_this(void);
#define ROLE HEDDLE_ROLE_FILTER
#define ON_CREATE instance->word = (uint64_t)nobody_has_this();
#include "decent.h"
