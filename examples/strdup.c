/* SPDX-License-Identifier: MIT */
/* Copies of strings. They go back with shale_free(), not with free(). */
#include <shale/alloc.h>
#include <stdio.h>

int main(void)
{
    char *whole = shale_strdup("generation");
    char *part = shale_strndup("generation", 3);
    if (!whole || !part) {
        shale_free(part); /* NULL does nothing */
        shale_free(whole);
        return 1;
    }
    printf("%s, %s\n", whole, part);
    shale_free(whole);
    shale_free(part);
    return 0;
}
