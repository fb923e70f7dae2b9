/* SPDX-License-Identifier: MIT */
/* What is worse than at the last GO. Layer 5. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate/history.h"

enum { POINTS_MAX = 256 };

struct figures {
    struct history_point points[POINTS_MAX];
    size_t count;
};

static void take_ratio(const struct history_point *point, void *context)
{
    struct figures *figures = context;
    if (strcmp(point->unit, "ratio") == 0 && isfinite(point->low) && isfinite(point->high) &&
        figures->count < POINTS_MAX)
        figures->points[figures->count++] = *point;
}

static const struct history_point *same_metric(const struct figures *figures,
                                               const struct history_point *point)
{
    for (size_t i = 0; i < figures->count; i++)
        if (strcmp(figures->points[i].metric, point->metric) == 0)
            return &figures->points[i];
    return NULL;
}

size_t history_regressions(struct history *history, long long run, long long go,
                           struct history_regression *out, size_t max)
{
    const struct history_filter filters[] = {{.id = run}, {.id = go}};
    struct figures *figures = calloc(2, sizeof *figures);
    size_t count = 0;
    bool read = figures && go > 0;
    for (size_t i = 0; read && i < 2; i++)
        read = history_points(history, &filters[i], NULL, take_ratio, &figures[i]) == SHALE_OK;
    for (size_t i = 0; read && i < figures[0].count && count < max; i++) {
        const struct history_point *now = &figures[0].points[i];
        const struct history_point *then = same_metric(&figures[1], now);
        if (then && now->low > then->high)
            out[count++] = (struct history_regression){*now, *then};
    }
    free(figures);
    return count;
}
