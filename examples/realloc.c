/* SPDX-License-Identifier: MIT */
/* Grow an array as it fills. A failed resize leaves the array as it was. */
#include <shale/alloc.h>
#include <stdio.h>

int main(void)
{
    size_t room = 0;
    int *squares = NULL;
    for (int i = 0; i < 100; i++) {
        if ((size_t)i == room) {
            size_t more = room ? room * 2 : 8;
            int *resized = shale_realloc_array(squares, more, sizeof *squares);
            if (!resized) {
                perror("realloc");
                shale_free(squares); /* still ours */
                return 1;
            }
            squares = resized;
            room = more;
        }
        squares[i] = i * i;
    }
    printf("99 squared is %d\n", squares[99]);
    /* Size 0 leaves a minimal block: NULL would mean failure. */
    squares = shale_realloc(squares, 0);
    printf("after size 0: %s\n", squares ? "a block" : "failed");
    shale_free(squares);
    return 0;
}
