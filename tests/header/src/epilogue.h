
/* What a C extension defines. */

extern HEDDLE_EXPORT const heddle_meta_t heddle_extension_meta;
extern HEDDLE_EXPORT const heddle_extension_v1_t heddle_extension_v1;
extern HEDDLE_EXPORT const heddle_layout_row_t heddle_extension_layout[HEDDLE_LAYOUT_ROWS];

#if defined(__clang__)
#define HEDDLE_TOOLCHAIN "clang " __clang_version__
#else
#define HEDDLE_TOOLCHAIN "gcc " __VERSION__
#endif

/* Lowest minor of the host that an extension built with this header runs on. */
#ifndef HEDDLE_MIN_HOST_MINOR
#define HEDDLE_MIN_HOST_MINOR 0
#endif

/*
 * Defines heddle_extension_meta and heddle_extension_layout. Texts are string literals: `id` a reverse URI of at most 63
 * bytes that never changes, `name` and `vendor` at most 63 bytes, `version` at most 31. Once per extension.
 */
#define HEDDLE_EXTENSION(role, capabilities, id, name, vendor, version)                                                \
    __attribute__((section(".heddle.meta"))) const heddle_meta_t heddle_extension_meta = {                             \
        HEDDLE_MAGIC, (uint32_t)sizeof(heddle_meta_t), HEDDLE_ABI_MAJOR, HEDDLE_ABI_MINOR, HEDDLE_MIN_HOST_MINOR,      \
        (role), (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? HEDDLE_LITTLE_ENDIAN : 2), HEDDLE_LAYOUT_ROWS,            \
        (capabilities), id, name, vendor, version, HEDDLE_TOOLCHAIN, {0}};                                             \
    __attribute__((section(".heddle.layout")))                                                                         \
    const heddle_layout_row_t heddle_extension_layout[HEDDLE_LAYOUT_ROWS] = HEDDLE_LAYOUT

/* A borrowed text for the host; `literal` is a string literal. */
#define HEDDLE_TEXT(literal) heddle_text((literal), sizeof(literal) - 1)

static inline heddle_bytes_t heddle_text(const char *data, size_t length)
{
    heddle_bytes_t bytes = {(const uint8_t *)data, length};
    return bytes;
}

/* The first byte of a packet of a batch: its destination MAC. `length` bytes may be read. */
static inline const uint8_t *heddle_packet_bytes(const heddle_batch_t *batch, const heddle_packet_t *packet)
{
    return batch->base + (size_t)packet->buffer * 64 + packet->start;
}

/* The first byte of a packet after `make_writable` succeeded for it. `length` bytes may be written. */
static inline uint8_t *heddle_packet_writable(const heddle_batch_t *batch, const heddle_packet_t *packet)
{
    return batch->base + (size_t)packet->buffer * 64 + packet->start;
}

/* The first byte of a draft made by `originate` or `clone_packet`. `length` bytes may be written. */
static inline uint8_t *heddle_draft_bytes(const heddle_batch_t *batch, const heddle_packet_t *draft)
{
    return batch->draft_base + (size_t)draft->buffer * 64 + draft->start;
}

/* Fills an error text for `create` and `event`; cut when too long. */
static inline void heddle_error(heddle_error_text_t *error, const char *text)
{
    if (error == NULL) {
        return;
    }
    error->length = 0;
    while (text[error->length] != '\0' && error->length < HEDDLE_ERROR_TEXT_LEN) {
        error->text[error->length] = (uint8_t)text[error->length];
        error->length++;
    }
}

#ifdef __cplusplus
}
#endif

#endif
