/* SPDX-License-Identifier: MIT */
/* For children of fork in tests of the engine: uses all of the heap and validates it. */
#ifndef SHALE_TESTS_HEAP_USE_H
#define SHALE_TESTS_HEAP_USE_H

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "slab/malloc.h"
#include "slab/stats.h"
#include "slab/validate.h"

/*
 * Frees the parent's blocks, allocates, frees and gives back. Ends the process after 20 s.
 * @return an exit status: 0; the broken rule; 98 or 99: not validated; 101: no memory; 102: misuse.
 */
static inline int heap_use(void **from_parent, int count)
{
    enum { BLOCKS = 2000 };
    static void *blocks[BLOCKS];
    struct slab_sums sum;
    alarm(20);
    int rule = slab_validate();
    if (rule != 0)
        return rule < 0 ? 99 : rule;
    for (int i = 0; i < count; i++)
        slab_free(from_parent[i]);
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = slab_malloc((size_t)(i * 37 % 3000));
        if (blocks[i] == NULL)
            return 101;
        memset(blocks[i], i, (size_t)(i * 37 % 3000));
    }
    for (int i = 0; i < BLOCKS; i++)
        slab_free(blocks[i]);
    for (size_t size = 70000; size < 8u << 20; size *= 2)
        slab_free(slab_malloc(size));
    (void)slab_give_back(SIZE_MAX);
    slab_stats_sum(&sum);
    if (sum.misuse != 0)
        return 102;
    rule = slab_validate();
    return rule < 0 ? 98 : rule;
}

#endif
