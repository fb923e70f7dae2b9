/* SPDX-License-Identifier: MIT */
/* A frame of a game or of a parser: one epoch after the other, and the memory is used again. */
#include <shale/shale.h>
#include <stdio.h>

int main(void)
{
    const struct shale_epoch_options options = {
        .kind = SHALE_EPOCH_REGION, .policy = SHALE_EPOCH_RETAIN, .label = "frame"};
    unsigned long sum = 0;
    for (int frame = 0; frame < 100; frame++) {
        shale_epoch epoch;
        if (shale_epoch_advance(&options, SHALE_EPOCH_DISCARD, &epoch) != 0)
            return 1;
        for (unsigned i = 1; i <= 1000; i++) {
            unsigned *particle =
                shale_epoch_alloc(shale_epoch_current(), i % 64 + sizeof(*particle));
            if (particle == NULL)
                return 1;
            *particle = i;
            sum += *particle;
        }
    }
    printf("sum: %lu\n", sum);
    printf("epochs open: %u\n", shale_epoch_count());
    return shale_epoch_close(shale_epoch_current(), SHALE_EPOCH_DISCARD, 0);
}
