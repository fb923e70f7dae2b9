/* SPDX-License-Identifier: MIT */
/* Client requests of memcheck; without its headers, nothing. Layer 1. */
#include "slab/watch.h"

#include "slab/bias.h"

bool slab_watched;
__attribute__((weak)) bool slab_watch_wanted = false;

#ifdef SHALE_VALGRIND
#include <valgrind/memcheck.h>

bool slab_watch_on_valgrind(void)
{
    return RUNNING_ON_VALGRIND != 0;
}

void slab_watch_set_silent(bool silent)
{
    if (silent)
        VALGRIND_DISABLE_ERROR_REPORTING;
    else
        VALGRIND_ENABLE_ERROR_REPORTING;
}

void *slab_watch_alloc(void *block, size_t size, size_t usable)
{
    if (block == NULL)
        return NULL;
    VALGRIND_MALLOCLIKE_BLOCK(block, size, 0, 0);
    VALGRIND_MAKE_MEM_NOACCESS((char *)block + size, usable - size);
    return block;
}

void slab_watch_shrink(void *block, size_t size, size_t asked)
{
    if (asked != 0 && asked < size)
        VALGRIND_RESIZEINPLACE_BLOCK(block, size, asked, 0);
}

void slab_watch_free(void *block)
{
    VALGRIND_FREELIKE_BLOCK(block, 0);
}

#else

bool slab_watch_on_valgrind(void)
{
    return false;
}

void slab_watch_set_silent(bool silent)
{
    (void)silent;
}

void *slab_watch_alloc(void *block, size_t size, size_t usable)
{
    (void)size;
    (void)usable;
    return block;
}

void slab_watch_shrink(void *block, size_t size, size_t asked)
{
    (void)block;
    (void)size;
    (void)asked;
}

void slab_watch_free(void *block)
{
    (void)block;
}

#endif

void slab_watch_start(void)
{
    if (!slab_watch_wanted || !slab_watch_on_valgrind())
        return;
    slab_watched = true;
    slab_bias_use_fences();
}
