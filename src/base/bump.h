/* SPDX-License-Identifier: MIT */
/*
 * Memory that only grows and goes back as a whole, straight from the system: never malloc.
 * Layer 0.
 *
 * For what must work inside malloc (tables of the profiler, of the engine) and for short-lived
 * work buffers. Chunks double from 64 KiB to 2 MiB; a larger request gets a chunk of its own.
 *
 *     chunk: | header | used ........ | next -> free ........ end |
 *
 * Memory that is all zero is an empty bump. Threads: one at a time, the caller locks. Fork: plain
 * memory, copied with the process.
 */
#ifndef SHALE_BASE_BUMP_H
#define SHALE_BASE_BUMP_H

#include <stddef.h>

#include "base/attributes.h"

struct shale_bump_chunk;

struct shale_bump {
    char *next;                     /* first free byte of the newest chunk */
    char *end;                      /* its end */
    struct shale_bump_chunk *chunk; /* newest first */
    size_t mapped_bytes;            /* of all chunks */
};

/*
 * Takes size zeroed bytes.
 *
 * @param alignment  a power of two up to 64 KiB; 0 is 16.
 * @return NULL when the system gives no memory, or size or alignment are out of range. errno kept.
 * Ownership: the bump's. Cost: a few instructions; a system call for a new chunk.
 */
void *shale_bump_alloc(struct shale_bump *bump, size_t size, size_t alignment);

/* A copy of length bytes of text, with a NUL behind. NULL as above. */
char *shale_bump_copy_text(struct shale_bump *bump, const char *text, size_t length);

/* Gives everything back; the bump is empty and usable again. */
void shale_bump_release(struct shale_bump *bump);

#define SHALE_BUMP_NEW(bump, type) ((type *)shale_bump_alloc(bump, sizeof(type), _Alignof(type)))

#endif
