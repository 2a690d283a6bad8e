/* It offers sampling and says not how often. */
#define ROLE HEDDLE_ROLE_CAPTURE
#define INTERFACE \
    static const heddle_sampling_v1_t sampling = {.struct_size = sizeof sampling, .header_bytes = 64}; \
    if (strcmp(id, HEDDLE_SAMPLING_ID) == 0) { return &sampling; }
#include "decent.h"
