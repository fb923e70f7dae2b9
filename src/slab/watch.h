/* SPDX-License-Identifier: MIT */
/*
 * Telling valgrind's memcheck about blocks, where the engine itself serves under it (valgrind
 * --soname-synonyms=somalloc=nouserintercepts; by default memcheck puts its own malloc in place of
 * ours). Layer 1.
 *
 * A watched engine is fenced (bias.h): every operation takes the slow path, which is where blocks
 * are reported; the fast paths know nothing of it. The engine writes links into free blocks, which
 * memcheck holds to be nobody's: errors are not reported while it works.
 */
#ifndef SHALE_SLAB_WATCH_H
#define SHALE_SLAB_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

/* Set once, at the start of the engine. */
extern bool slab_watched;

/*
 * Whether an engine under valgrind is to be watched. False in the library; who serves a whole
 * process defines it as true, so that the first block is reported as well.
 */
extern bool slab_watch_wanted;

/* True under valgrind, watched or not: the range is to be small. */
bool slab_watch_on_valgrind(void);

/* At the start of the engine, before any thread has a structure. */
void slab_watch_start(void);

void slab_watch_set_silent(bool silent);

/* Around the engine's own work. They nest; nothing happens unless watched. */
static SHALE_ALWAYS_INLINE void slab_watch_silence(void)
{
    if (SHALE_UNLIKELY(slab_watched))
        slab_watch_set_silent(true);
}

static SHALE_ALWAYS_INLINE void slab_watch_speak(void)
{
    if (SHALE_UNLIKELY(slab_watched))
        slab_watch_set_silent(false);
}

/*
 * A block was handed out for `size` bytes, the user's, of the `usable` that it has. NULL: nothing.
 * Returns it.
 */
void *slab_watch_alloc(void *block, size_t size, size_t usable);

/* A block reported with `size` bytes has only `asked` for the user. */
void slab_watch_shrink(void *block, size_t size, size_t asked);

/* A block is about to be freed. */
void slab_watch_free(void *block);

#endif
