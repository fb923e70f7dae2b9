/* SPDX-License-Identifier: MIT */
/* A block at a page boundary, freed with what is known of it. */
#include <shale/alloc.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    void *page = shale_alloc_aligned(4096, 10000);
    void *plain = shale_alloc(100);
    if (!page || !plain) {
        shale_free(page); /* NULL does nothing */
        shale_free(plain);
        return 1;
    }
    memset(page, 0, 10000);
    printf("offset in its page: %d\n", (int)((uintptr_t)page % 4096));
    shale_free_aligned(page, 4096, 10000);
    shale_free_sized(plain, 100);
    return 0;
}
