/* SPDX-License-Identifier: MIT */
/* Allocate, use, free: the front door in place of malloc, calloc and free. */
#include <shale/alloc.h>
#include <stdio.h>

int main(void)
{
    char *greeting = shale_alloc(32);
    int *counts = shale_calloc(26, sizeof *counts); /* all zero */
    if (!greeting || !counts) {
        perror("alloc");    /* errno is ENOMEM */
        shale_free(counts); /* NULL does nothing */
        shale_free(greeting);
        return 1;
    }
    snprintf(greeting, 32, "hello, %s", "front door");
    for (const char *c = greeting; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            counts[*c - 'a']++;
    printf("%s: %d times o\n", greeting, counts['o' - 'a']);
    shale_free(counts);
    shale_free(greeting);
    return 0;
}
