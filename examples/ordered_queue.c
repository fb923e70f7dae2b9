/* SPDX-License-Identifier: MIT */
/* A timer queue: deadlines in their order, the next one out first; any of them looked up. */
#include <inttypes.h>
#include <shale/treemap.h>
#include <stdio.h>

int main(void)
{
    static const int64_t deadlines[] = {300, 100, 500, 200, 400};
    struct shale_treemap *timers;
    struct shale_entry next;
    uint64_t task;

    if (shale_treemap_create(NULL, &timers) != 0)
        return 1;
    for (uint64_t i = 0; i < 5; i++)
        if (shale_treemap_put(timers, shale_key_int64(deadlines[i]), i, NULL) != 0)
            return 1;
    if (shale_treemap_get(timers, shale_key_int64(500), &task) == 0)
        printf("at 500: task %" PRIu64 "\n", task);
    while (shale_treemap_floor(timers, shale_key_int64(250), &next) == 0 &&
           shale_treemap_pop_min(timers, &next) == 0)
        printf("due at %" PRId64 ": task %" PRIu64 "\n", next.key.number, next.value);
    printf("%zu wait\n", shale_treemap_length(timers));
    shale_treemap_destroy(timers);
    return 0;
}
