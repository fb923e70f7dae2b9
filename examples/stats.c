/* SPDX-License-Identifier: MIT */
/* What the engine has of this program: as a whole, by size class and by thread; and what is wrong.
 */
#include <shale/shale.h>
#include <stdio.h>

#define ROOM(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
    void *kept = shale_alloc(100);
    struct shale_stats stats = SHALE_STATS_INIT;
    struct shale_stats_class classes[128];
    struct shale_stats_thread threads[8];
    size_t class_count = ROOM(classes);
    size_t thread_count = ROOM(threads);
    int error = shale_stats_global(&stats, SHALE_STATS_EXACT);
    if (error == 0)
        error = shale_stats_classes(classes, sizeof classes[0], &class_count, SHALE_STATS_EXACT);
    if (error == 0)
        error =
            shale_stats_threads(threads, sizeof threads[0], &thread_count, SHALE_STATS_APPROXIMATE);
    if (error != 0) {
        fprintf(stderr, "stats: %s\n", shale_strerror(error));
        return 1;
    }
    printf("%llu live blocks, %llu bytes\n", (unsigned long long)stats.live_blocks,
           (unsigned long long)stats.live_bytes);
    for (size_t i = 0; i < class_count && i < ROOM(classes); i++)
        if (classes[i].block_bytes == 112)
            printf("of 112 bytes: %llu\n", (unsigned long long)classes[i].live_blocks);
    printf("%zu threads\n", thread_count);

    struct shale_finding findings[8];
    size_t finding_count = ROOM(findings);
    struct shale_stats_epoch epochs[8];
    size_t epoch_count = ROOM(epochs);
    error = shale_diagnose(NULL, findings, sizeof findings[0], &finding_count);
    if (error == 0)
        error = shale_stats_epochs(epochs, sizeof epochs[0], &epoch_count, SHALE_STATS_EXACT);
    for (size_t i = 0; error == 0 && i < finding_count && i < ROOM(findings); i++)
        printf("%s: %s; %s\n", shale_cause_name(findings[i].cause), findings[i].text,
               shale_cause_remedy(findings[i].cause));
    shale_free(kept);
    return 0;
}
