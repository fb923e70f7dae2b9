/* SPDX-License-Identifier: MIT */
/* Finding the next allocator, lazily: at start dlsym would call a malloc that is not ready. */
#define _GNU_SOURCE
#include "preload/next.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/attributes.h"

enum state { UNKNOWN, FOUND, NONE };

static struct slab_next next;
static _Atomic int state;

/* The next definition of a name, unless it is the one given. */
static void *look_up(const char *name, void (*own)(void))
{
    void *found = dlsym(RTLD_NEXT, name);
    return found == (void *)own ? NULL : found;
}

static SHALE_COLD void complain(void)
{
    static const char text[] =
        "shale: a pointer of another allocator was passed to free or realloc, and there is none "
        "behind libshale-malloc.so to take it: ignored, like all further ones\n";
    int saved_errno = errno;
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)ignored;
    errno = saved_errno;
}

static SHALE_COLD int find(void)
{
    int saved_errno = errno;
    int expected = UNKNOWN;
    struct slab_next found = {
        .free = (void (*)(void *))look_up("free", (void (*)(void))free),
        .realloc = (void *(*)(void *, size_t))look_up("realloc", (void (*)(void))realloc),
        .usable_size =
            (size_t(*)(void *))look_up("malloc_usable_size", (void (*)(void))malloc_usable_size),
    };
    errno = saved_errno;
    if (found.free == NULL || found.realloc == NULL) {
        /* Relaxed: nothing is published with it. */
        if (shale_atomic_cas_relaxed(&state, &expected, NONE))
            complain();
        return NONE;
    }
    next = found; /* a second finder writes the same */
    /* ORDER NEXT1 release -> acquire in preload_next_allocator() [next.c]. Publishes the functions.
     * Without it another thread could call one that is not there yet. Test
     * foreign_of_many_threads_taken. */
    shale_atomic_store_release(&state, FOUND);
    return FOUND;
}

const struct slab_next *preload_next_allocator(void)
{
    /* ORDER NEXT1 acquire <- release in find() [next.c]. The functions are whole. */
    int known = shale_atomic_load_acquire(&state);
    if (known == UNKNOWN)
        known = find();
    return known == FOUND ? &next : NULL;
}
