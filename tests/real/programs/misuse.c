/* SPDX-License-Identifier: MIT */
/* What memcheck reports: a write past a block, one to a freed block, and two blocks that leak. */
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char *volatile block = malloc(10);
    char *volatile leak = malloc(40);
    char *volatile large = malloc(300000);
    block[10] = 1;
    free(block);
    block[0] = 2;
    memset(leak, 0, 40);
    leak = NULL;
    large = NULL;
    return leak == large ? 0 : 1;
}
