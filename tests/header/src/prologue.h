/*
 * heddle_extension.h: the binary contract between the Heddle virtual switch and its extensions.
 *
 * Generated from extension-api/src/abi by `cargo run -p heddle-header -- write`; do not edit.
 *
 * An extension is a shared object that exports three tables: heddle_extension_meta (who it is), heddle_extension_layout
 * (what it was compiled against) and heddle_extension_v1 (its functions). HEDDLE_EXTENSION() below defines the first
 * two; the extension defines the third. C11 or C++11, gcc or clang:
 *
 *     gcc -std=c11 -shared -fPIC -fvisibility=hidden -I extension-api/include -o libmine.so mine.c
 */
#ifndef HEDDLE_EXTENSION_H
#define HEDDLE_EXTENSION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define HEDDLE_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define HEDDLE_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/* Makes a table visible to the switch, whatever -fvisibility says. */
#define HEDDLE_EXPORT __attribute__((visibility("default")))
