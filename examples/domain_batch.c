/* SPDX-License-Identifier: MIT */
/* A batch with explicit control: drained when it has been read, then waited for. */
#include <shale/shale.h>
#include <stdio.h>

enum { RECORDS = 1000 };

int main(void)
{
    static int *records[RECORDS];
    shale_epoch batch;
    struct shale_epoch_info info;
    const struct shale_epoch_options options = {.label = "batch 1", .policy = SHALE_EPOCH_RELEASE};
    if (shale_epoch_open(&options, &batch) != 0)
        return 1;
    for (int i = 0; i < RECORDS; i++)
        if ((records[i] = shale_epoch_alloc(batch, sizeof(int))) != NULL)
            *records[i] = i;

    if (shale_epoch_close(batch, SHALE_EPOCH_DRAIN, 0) != 0) /* nothing new; the rest lives on */
        return 1;
    if (shale_epoch_query(batch, &info) != 0)
        return 1;
    printf("%s: %s, %llu KiB\n", info.label, info.state == SHALE_EPOCH_CLOSED ? "drains" : "open?",
           (unsigned long long)info.used_bytes >> 10);

    long sum = 0;
    for (int i = 0; i < RECORDS; i++) {
        sum += *records[i];
        shale_epoch_free(records[i]);
    }
    printf("sum: %ld\n", sum);
    (void)shale_reclaim(SIZE_MAX, 0);
    printf("afterwards: %s\n", shale_strerror(shale_epoch_query(batch, &info)));
    return 0;
}
