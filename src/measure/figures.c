/* SPDX-License-Identifier: MIT */
/* Names and units of what a run yields: see figures.h. Layer 4. */
#include "measure/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attributes.h"

static const struct figure fixed[FIGURE_FIXED] = {
    [FIGURE_WALL] = {"wall_s", "wall time", FIGURE_SECONDS, true, true},
    [FIGURE_CPU] = {"cpu_s", "user+sys time", FIGURE_SECONDS, true, true},
    [FIGURE_USER] = {"user_s", "user time", FIGURE_SECONDS, false, true},
    [FIGURE_SYSTEM] = {"system_s", "system time", FIGURE_SECONDS, false, true},
    [FIGURE_PEAK] = {"rss_peak_bytes", "peak RSS", FIGURE_BYTES, true, true},
    [FIGURE_STEADY] = {"rss_steady_bytes", "steady RSS", FIGURE_BYTES, true, true},
    [FIGURE_PSS] = {"pss_steady_bytes", "steady PSS", FIGURE_BYTES, false, true},
    [FIGURE_HUGE] = {"anon_huge_steady_bytes", "steady huge pages", FIGURE_BYTES, false, true},
    [FIGURE_SWITCHES_VOLUNTARY] = {"switches_voluntary", "switches, voluntary", FIGURE_COUNT, false,
                                   true},
    [FIGURE_SWITCHES_INVOLUNTARY] = {"switches_involuntary", "switches, involunt.", FIGURE_COUNT,
                                     false, true},
    [FIGURE_FAULTS_MINOR] = {"faults_minor", "page faults, minor", FIGURE_COUNT, false, true},
    [FIGURE_FAULTS_MAJOR] = {"faults_major", "page faults, major", FIGURE_COUNT, false, true},
    [FIGURE_READ] = {"storage_read_bytes", "read from storage", FIGURE_BYTES, false, true},
    [FIGURE_WRITTEN] = {"storage_written_bytes", "written to storage", FIGURE_BYTES, false, true},
};

static struct figure *add(struct figure_list *list, enum figure_unit unit, bool primary)
{
    struct figure *figure = &list->items[list->count++];
    *figure = (struct figure){.unit = unit, .primary = primary, .shown = true};
    return figure;
}

static void add_phase(struct figure_list *list, const char *phase)
{
    static const struct {
        const char *name, *title;
        bool primary;
    } kinds[FIGURE_PER_PHASE] = {
        {"rss", "RSS", true}, {"pss", "PSS", false}, {"anon_huge", "huge pages", false}};
    for (size_t i = 0; i < FIGURE_PER_PHASE; i++) {
        struct figure *figure = add(list, FIGURE_BYTES, kinds[i].primary);
        snprintf(figure->name, sizeof figure->name, "%s_%.47s_bytes", kinds[i].name, phase);
        snprintf(figure->title, sizeof figure->title, "%s %.47s", kinds[i].title, phase);
    }
}

void figures_list(const char *const *phases, size_t phase_count, const char *const *pickers,
                  size_t picker_count, struct figure_list *list)
{
    *list = (struct figure_list){.count = FIGURE_FIXED};
    memcpy(list->items, fixed, sizeof fixed);
    if (phase_count > 0) {
        snprintf(list->items[FIGURE_WALL].name, sizeof list->items->name, "load_wall_s");
        snprintf(list->items[FIGURE_WALL].title, sizeof list->items->title, "load's wall time");
        list->items[FIGURE_STEADY].shown = false;
        list->items[FIGURE_PSS].shown = false;
        list->items[FIGURE_HUGE].shown = false;
    }
    for (size_t i = 0; i < phase_count && i < FIGURE_PHASES_MAX; i++)
        add_phase(list, phases[i]);
    for (size_t i = 0; i < picker_count && i < FIGURE_PICKERS_MAX; i++) {
        struct figure *figure = add(list, FIGURE_PLAIN, true);
        snprintf(figure->name, sizeof figure->name, "%s", pickers[i]);
        snprintf(figure->title, sizeof figure->title, "%s", pickers[i]);
    }
}

static void format_seconds(double value, char *text, size_t size)
{
    if (value < 0.1)
        snprintf(text, size, "%.2f ms", value * 1000);
    else
        snprintf(text, size, "%.*f s", value < 10 ? 3 : 1, value);
}

static void format_bytes(double value, char *text, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < SHALE_ARRAY_LENGTH(units)) {
        value /= 1024;
        unit++;
    }
    snprintf(text, size, "%.*f %s", unit == 0 ? 0 : 1, value, units[unit]);
}

void figure_format(enum figure_unit unit, double value, char *text, size_t size)
{
    if (!isfinite(value)) {
        snprintf(text, size, "-");
        return;
    }
    switch (unit) {
    case FIGURE_SECONDS:
        format_seconds(value, text, size);
        break;
    case FIGURE_BYTES:
        format_bytes(value, text, size);
        break;
    case FIGURE_COUNT:
        snprintf(text, size, "%.0f", value);
        break;
    default:
        snprintf(text, size, "%.6g", value);
        break;
    }
}
