/* Reads `key=value` lines of a configuration: what the test extensions in C need and no more. */
#ifndef TEST_CONFIG_H
#define TEST_CONFIG_H

#include <stdbool.h>
#include <string.h>

#include "heddle_extension.h"

/* The value of `key`, not terminated; its length goes to `length`. NULL when the key is not given. */
static inline const char *config_get(heddle_bytes_t config, const char *key, size_t *length)
{
    const char *at = (const char *)config.data;
    const char *end = at + config.length;
    const size_t key_length = strlen(key);
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (line_end == NULL) {
            line_end = end;
        }
        const size_t line = (size_t)(line_end - at);
        if (line > key_length && memcmp(at, key, key_length) == 0 && at[key_length] == '=') {
            *length = line - key_length - 1;
            return at + key_length + 1;
        }
        at = line_end + 1;
    }
    return NULL;
}

/* A decimal number of at most nine digits; `otherwise` when the key is not given. False when it is not a number. */
static inline bool config_number(heddle_bytes_t config, const char *key, uint64_t otherwise, uint64_t *out)
{
    size_t length = 0;
    const char *value = config_get(config, key, &length);
    *out = otherwise;
    if (value == NULL) {
        return true;
    }
    if (length == 0 || length > 9) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < length; i++) {
        if (value[i] < '0' || value[i] > '9') {
            return false;
        }
        *out = *out * 10 + (uint64_t)(value[i] - '0');
    }
    return true;
}

enum config_legs { LEGS_INGRESS = 1, LEGS_EGRESS = 2, LEGS_BOTH = 3 };

/* `leg` = ingress (default), egress or both. False when it is anything else. */
static inline bool config_legs(heddle_bytes_t config, int *out)
{
    size_t length = 0;
    const char *value = config_get(config, "leg", &length);
    *out = LEGS_INGRESS;
    if (value == NULL || (length == 7 && memcmp(value, "ingress", 7) == 0)) {
        return true;
    }
    if (length == 6 && memcmp(value, "egress", 6) == 0) {
        *out = LEGS_EGRESS;
        return true;
    }
    if (length == 4 && memcmp(value, "both", 4) == 0) {
        *out = LEGS_BOTH;
        return true;
    }
    return false;
}

#endif
