/* SPDX-License-Identifier: MIT */
/* Spans of time as people write them: see duration.h. Layer 4. */
#include "measure/duration.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"

bool duration_parse(const char *text, double *seconds)
{
    static const struct {
        const char *suffix;
        double factor;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
    char *end;
    double number = strtod(text, &end);
    for (size_t i = 0; end != text && i < SHALE_ARRAY_LENGTH(units); i++)
        if (strcmp(end, units[i].suffix) == 0) {
            *seconds = number * units[i].factor;
            return isfinite(number) && *seconds > 0 && *seconds <= 1e6;
        }
    return false;
}

void duration_text(double seconds, char *text, size_t size)
{
    double minutes = ceil(seconds / 60);
    if (!isfinite(seconds))
        snprintf(text, size, "?");
    else if (seconds < 90)
        snprintf(text, size, "%.0f s", ceil(seconds));
    else if (minutes < 90)
        snprintf(text, size, "%.0f min", minutes);
    else
        snprintf(text, size, "%.0f h %.0f min", floor(minutes / 60), fmod(minutes, 60));
}
