/* SPDX-License-Identifier: MIT */
/*
 * Linked statically with the library's objects: threads allocate from the engine, and a pointer of
 * nobody is ignored, since nothing comes behind it. Prints "well".
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 100000 };

bool shale_owns(const void *address);

static void (*volatile call_free)(void *) = free;

static void *work(void *argument)
{
    (void)argument;
    for (size_t i = 0; i < ROUNDS; i++) {
        char *block = malloc(i % 3000);
        if (block == NULL || !shale_owns(block))
            return "not ours"; /* NOLINT(clang-analyzer-unix.Malloc): it ends here */
        memset(block, 1, i % 3000);
        free(block);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    void *problem;
    int local;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            return 1;
    for (int i = 0; i < THREADS; i++)
        if (pthread_join(threads[i], &problem) != 0 || problem != NULL)
            return 2;
    call_free(&local);
    call_free(&local);
    puts("well");
    return 0;
}
