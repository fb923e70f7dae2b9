/* SPDX-License-Identifier: MIT */
/* Sizes from types: no sizeof to get wrong, products checked, over-aligned types served. */
#include <errno.h>
#include <shale/alloc.h>
#include <stdint.h>
#include <stdio.h>

struct point {
    double x;
    double y;
};

int main(void)
{
    struct point *origin = SHALE_NEW_ZERO(struct point);
    struct point *path = SHALE_NEW_ARRAY(struct point, 100);
    if (!origin || !path) {
        shale_free(path); /* NULL does nothing */
        shale_free(origin);
        return 1;
    }
    printf("origin: %.0f %.0f\n", origin->x, origin->y);

    volatile size_t too_many = SIZE_MAX / 2;
    struct point *impossible = SHALE_NEW_ARRAY(struct point, too_many);
    printf("too many: %s\n", !impossible && errno == ENOMEM ? "refused" : "allocated?");

    shale_free(path);
    shale_free(origin);
    return 0;
}
