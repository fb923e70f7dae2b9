/* SPDX-License-Identifier: MIT */
/* A plugin that allocates. */
#include <stdlib.h>

void plugin_use(void);

void plugin_use(void)
{
    void *volatile block = malloc(1000);
    free(block);
}
