/* SPDX-License-Identifier: MIT */
/*
 * A population that is known: COUNT blocks of SIZE bytes, one of 20,000, one run, one block of
 * segments, and a thread that freed FREED of the blocks. Then it says "ready" and waits for a byte
 * or the end. With USE_FRONT_DOOR through <shale/alloc.h>, else through malloc.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef USE_FRONT_DOOR
#include <shale/alloc.h>
#define ALLOC shale_alloc
#define FREE  shale_free
#else
#define ALLOC malloc
#define FREE  free
#endif

enum { COUNT = 10000, SIZE = 1500, FREED = 1000 };

static char *blocks[COUNT];
static char *wide; /* in a slab of several units */

static void *free_some(void *unused)
{
    (void)unused;
    for (int i = 0; i < FREED; i++)
        FREE(blocks[i]);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    char byte;
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = ALLOC(SIZE);
        if (!blocks[i])
            return 1;
        memset(blocks[i], i & 0xff, SIZE);
    }
    wide = ALLOC(20000);
    char *run = ALLOC(300000);
    char *segments = ALLOC(3000000);
    if (!wide || !run || !segments || pthread_create(&thread, NULL, free_some, NULL) != 0)
        return 1;
    pthread_join(thread, NULL);
    if (write(1, "ready\n", 6) != 6)
        return 1;
    return read(0, &byte, 1) < 0;
}
