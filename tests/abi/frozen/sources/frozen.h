/* What the frozen extensions share: a number from a configuration of one key. Compiled with the header of each minor. */
#ifndef FROZEN_H
#define FROZEN_H

#include <stdlib.h>
#include <string.h>

#include "heddle_extension.h"

/* The value of the only key, "n=NUMBER" with or without a line end; `otherwise` for an empty configuration; -1 for any other. */
static inline int64_t frozen_number(heddle_bytes_t config, int64_t otherwise)
{
    int64_t number = 0;
    if (config.length == 0) {
        return otherwise;
    }
    if (config.length < 3 || config.length > 10 || memcmp(config.data, "n=", 2) != 0) {
        return -1;
    }
    for (uint64_t i = 2; i < config.length && config.data[i] != '\n'; i++) {
        if (config.data[i] < '0' || config.data[i] > '9') {
            return -1;
        }
        number = number * 10 + (config.data[i] - '0');
    }
    return number;
}

/* Registers a counter of frames; 0 when the host refuses it. */
static inline int frozen_counter(const heddle_host_t *host, const char *name, uint32_t *counter)
{
    return host->counter_register(host->context, heddle_text(name, strlen(name)), HEDDLE_TEXT("frames"), counter) ==
           HEDDLE_OK;
}

#define FROZEN_STRING(number) FROZEN_STRING_OF(number)
#define FROZEN_STRING_OF(number) #number
#define FROZEN_VERSION FROZEN_STRING(HEDDLE_ABI_MAJOR) "." FROZEN_STRING(HEDDLE_ABI_MINOR) ".0"

#endif
