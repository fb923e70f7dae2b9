/* SPDX-License-Identifier: MIT */
/* What a piece of the program allocates. Needs a library built with -Dalloc_stats=true. */
#include <shale/shale.h>
#include <stdio.h>

int main(void)
{
    int error = shale_alloc_stats_enable(1);
    if (error == SHALE_ENOTSUP) {
        printf("statistics: %s\n", shale_strerror(error));
        return 0;
    }
    struct shale_alloc_stats stats;
    if (error || shale_alloc_stats_reset() != 0)
        return 1;
    char *kept = shale_alloc(1000);
    shale_free(shale_alloc(500));
    if (!kept || shale_alloc_stats_snapshot(&stats) != 0) {
        shale_free(kept); /* NULL does nothing */
        return 1;
    }
    int exact = stats.current_allocated == (int64_t)shale_usable_size(kept);
    printf("statistics: %d allocated, %d freed, current is %s\n", (int)stats.alloc_count,
           (int)stats.free_count, exact ? "what is kept" : "wrong");
    shale_free(kept);
    return 0;
}
