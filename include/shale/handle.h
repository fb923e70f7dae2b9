/* SPDX-License-Identifier: MIT */
/*
 * Handles: 64-bit names of blocks that are never mistaken for another block.
 *
 * A handle can be kept longer than its block: using it then is an error that is told, whatever
 * happened to the memory meanwhile. Handles exist in epochs that were opened with
 * SHALE_EPOCH_HANDLES, for blocks of at most 64 KiB. The format is part of the interface, so
 * handles can be written down and read by other programs:
 *
 *     63..60 59.......36 35....24 23.......8 7.....0
 *     format    unit       slot   generation   tag          format is 1; 0 is the null handle
 *
 * unit is the slab's place, slot the block's in it, generation counts the lives of the slab, and
 * tag those of the block (odd: allocated). What would wrap is not used again instead.
 *
 * Every 64-bit value may be given to every function: results tell a handle that has ended from one
 * that never was. Threads, signals, fork: as <shale/epoch.h>. A pointer from shale_handle_get()
 * stays valid while nobody frees the block and the epoch is not discarded: hold shale_epoch_ref()
 * where another thread might discard it.
 *
 * Two threads that free one handle at the same moment: one succeeds, the other is told, unless the
 * block's whole slab was given back in between.
 */
#ifndef SHALE_HANDLE_H
#define SHALE_HANDLE_H

#include <shale/epoch.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t shale_handle;

#define SHALE_HANDLE_NULL      ((shale_handle)0)
#define SHALE_HANDLE_FORMAT    1
#define SHALE_HANDLE_SIZE_MAX  65536 /* bytes of a block */
#define SHALE_HANDLE_TEXT_SIZE 26 /* "h1-000000-000-0000-00", with the final zero, and to spare */

/* The fields of a handle. */
struct shale_handle_fields {
    unsigned format;
    uint32_t unit;
    uint32_t slot;
    uint32_t generation;
    uint32_t tag;
};

/*
 * Allocates a block that has a handle.
 *
 * @param epoch  opened with SHALE_EPOCH_HANDLES.
 * @param size   in bytes, up to SHALE_HANDLE_SIZE_MAX; 0 gives a minimal block.
 * @param block  gets the address; may be NULL.
 * @return the handle; SHALE_HANDLE_NULL with errno: ENOMEM, ESTALE (the epoch is closed), EINVAL
 *         (too large, or no epoch with handles).
 * Ownership: the caller's, until shale_handle_free(), shale_epoch_free() or the epoch's discard.
 * Cost: as shale_epoch_alloc, and a byte.
 * Since: 0.1.0
 * Example: examples/handle.c
 */
SHALE_EPOCH_API shale_handle shale_handle_alloc(shale_epoch epoch, size_t size,
                                                void **block) SHALE_EPOCH_NODISCARD;

/*
 * The address of a handle's block; NULL when it has none: shale_handle_check() tells why.
 * Cost: three loads of two lines.
 */
SHALE_EPOCH_API void *shale_handle_get(shale_handle handle) SHALE_EPOCH_NODISCARD;

/*
 * @return 0: the block is live. SHALE_ESTALE: it was freed, or its epoch discarded.
 *         SHALE_EDOUBLEFREE: it was freed, and nothing has its place since. SHALE_EBADHANDLE: such
 * a handle was never given, the null handle included.
 */
SHALE_EPOCH_API int shale_handle_check(shale_handle handle) SHALE_EPOCH_NODISCARD;

/* Frees the block of a handle. @return as shale_handle_check(); on an error nothing is freed. */
SHALE_EPOCH_API int shale_handle_free(shale_handle handle);

/* The handle of a live block. SHALE_EBADHANDLE: not the start of a block that has one. */
SHALE_EPOCH_API int shale_handle_of(const void *block, shale_handle *handle) SHALE_EPOCH_NODISCARD;

/* Takes a handle apart; says nothing about whether it is valid. */
SHALE_EPOCH_API void shale_handle_decode(shale_handle handle, struct shale_handle_fields *fields);

/* The other way round. SHALE_ERANGE: a field has more bits than it may. */
SHALE_EPOCH_API int shale_handle_encode(const struct shale_handle_fields *fields,
                                        shale_handle *handle) SHALE_EPOCH_NODISCARD;

/* "h1-UUUUUU-SSS-GGGG-TT", in hexadecimal, and back. SHALE_EFORMAT: not such a text. */
SHALE_EPOCH_API void shale_handle_print(shale_handle handle, char text[SHALE_HANDLE_TEXT_SIZE]);
SHALE_EPOCH_API int shale_handle_parse(const char *text,
                                       shale_handle *handle) SHALE_EPOCH_NODISCARD;

#ifdef __cplusplus
}
#endif
#endif
