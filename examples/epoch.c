/* SPDX-License-Identifier: MIT */
/* An epoch: blocks that end together. */
#include <errno.h>
#include <shale/shale.h>
#include <stdio.h>

int main(void)
{
    shale_epoch epoch;
    if (shale_epoch_open(NULL, &epoch) != 0)
        return 1;
    for (int i = 0; i < 1000; i++)
        if (shale_epoch_alloc(epoch, 100) == NULL)
            return 1;
    int error = shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0); /* all of them at once */
    printf("closed: %s\n", shale_strerror(error));
    void *block = shale_epoch_alloc(epoch, 100);
    printf("allocation: %s\n", block == NULL && errno == ESTALE ? "refused" : "served?");
    return 0;
}
