/* SPDX-License-Identifier: MIT */
/* What the writers of a gate's result share. Layer 5. */
#include "gate/report.h"

#include <math.h>
#include <stdio.h>

#include "measure/figures.h"

static void format_number(enum gate_unit unit, double value, char *text, size_t size)
{
    switch (unit) {
    case GATE_RATIO:
        snprintf(text, size, "%+.1f %%", 100 * value);
        break;
    case GATE_SHARE:
        snprintf(text, size, "%.2f %%", 100 * value);
        break;
    case GATE_BYTES:
        snprintf(text, size, "%.0f B", value);
        break;
    case GATE_BYTES_PER_HOUR:
        snprintf(text, size, "%+.2f MB/h", value / 1e6);
        break;
    default:
        snprintf(text, size, "%g", value);
    }
}

/* Without the sign that a difference has. */
static void format_limit(enum gate_unit unit, double value, char *text, size_t size)
{
    if (unit == GATE_RATIO)
        unit = GATE_SHARE;
    if (!isfinite(value))
        snprintf(text, size, "-");
    else if (unit == GATE_BYTES_PER_HOUR)
        snprintf(text, size, "%g MB/h", value / 1e6);
    else if (unit == GATE_SHARE)
        snprintf(text, size, "%.3g %%", 100 * value);
    else
        format_number(unit, value, text, size);
}

void gate_cells(const struct gate_finding *finding, struct gate_cells *cells)
{
    char value[20], low[20], high[20], warn[20], fail[20];
    *cells = (struct gate_cells){"", ""};
    if (!isfinite(finding->value))
        return;
    format_number(finding->unit, finding->value, value, sizeof value);
    format_number(finding->unit, finding->low, low, sizeof low);
    format_number(finding->unit, finding->high, high, sizeof high);
    format_limit(finding->unit, finding->warn, warn, sizeof warn);
    format_limit(finding->unit, finding->fail, fail, sizeof fail);
    if (isfinite(finding->low))
        snprintf(cells->value, sizeof cells->value, "%s (%s..%s)", value, low, high);
    else
        snprintf(cells->value, sizeof cells->value, "%s", value);
    if (isfinite(finding->warn))
        snprintf(cells->limits, sizeof cells->limits, "%s / %s", warn, fail);
}

const char *gate_arm_label(const json_t *arm)
{
    const char *label = json_string_value(json_object_get(arm, "label"));
    return label ? label : "";
}
