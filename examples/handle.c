/* SPDX-License-Identifier: MIT */
/* A handle that is kept too long is an error, not another block. */
#include <shale/shale.h>
#include <stdio.h>

int main(void)
{
    const struct shale_epoch_options options = {.flags = SHALE_EPOCH_HANDLES};
    char text[SHALE_HANDLE_TEXT_SIZE];
    shale_epoch epoch;
    int *answer;
    if (shale_epoch_open(&options, &epoch) != 0)
        return 1;
    shale_handle handle = shale_handle_alloc(epoch, sizeof(*answer), (void **)&answer);
    if (handle == SHALE_HANDLE_NULL)
        return 1;
    *answer = 42;
    shale_handle_print(handle, text);
    printf("%s: %d\n", text, *(int *)shale_handle_get(handle));
    printf("freed: %s\n", shale_strerror(shale_handle_free(handle)));
    printf("freed again: %s\n", shale_strerror(shale_handle_free(handle)));
    printf("kept: %s\n", shale_handle_get(handle) == NULL ? "no block" : "a block?");
    return shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0);
}
