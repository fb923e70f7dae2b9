/* SPDX-License-Identifier: MIT */
/* The timeline and the heatmap of sizes: a step of the reader. */
#include <shale/error.h>

#include "profile/read.h"

#define GET(field) shale_atomic_load_relaxed(&(field))

enum { COLUMNS_MAX = 120 };

uint64_t profile_read_time(const struct profile_reading *reading, uint64_t ticks)
{
    if (ticks <= reading->about->started_ticks)
        return 0;
    double ns = (double)(ticks - reading->about->started_ticks) * reading->ns_per_tick;
    return ns < 0x1p63 ? (uint64_t)ns : UINT64_MAX / 2;
}

static int fill_moments(struct profile_reading *reading, const struct profile_file_moment *from,
                        uint32_t count)
{
    struct shale_profile_report *report = reading->report;
    report->moments = profile_report_array(report, count + 1, sizeof(*report->moments));
    if (report->moments == NULL)
        return SHALE_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t time = profile_read_time(reading, from[i].ticks);
        if (i > 0 && time < report->moments[i - 1].time_ns)
            return profile_read_fail(reading, SHALE_EFORMAT, "its timeline is out of order");
        report->moments[i] = (struct profile_moment){
            .time_ns = time,
            .live_bytes = from[i].live_bytes,
            .rss_bytes = from[i].rss_bytes,
            .allocations = from[i].allocations,
            .allocated_bytes = from[i].allocated_bytes,
            .frees = from[i].frees,
        };
        if (from[i].rss_bytes > report->totals.peak_rss_bytes)
            report->totals.peak_rss_bytes = from[i].rss_bytes;
    }
    report->moment_count = count;
    return 0;
}

/* Octaves in which nothing was ever allocated, at either end, are left out. */
static void find_rows(const struct profile_file_moment *last, uint32_t *first, uint32_t *end)
{
    *first = 0;
    *end = PROFILE_FILE_OCTAVES;
    while (*first < *end && last->octaves[*first] == 0)
        ++*first;
    while (*end > *first && last->octaves[*end - 1] == 0)
        --*end;
}

struct heat {
    uint64_t *column_ns, *row_bytes, *counts;
    uint32_t columns, rows, first_row;
};

static void fill_column(const struct profile_reading *reading, const struct heat *heat,
                        uint32_t column, const struct profile_file_moment *before,
                        const struct profile_file_moment *after)
{
    heat->column_ns[column + 1] = profile_read_time(reading, after->ticks);
    for (uint32_t row = 0; row < heat->rows; row++) {
        uint64_t now = after->octaves[heat->first_row + row];
        uint64_t then = before != NULL ? before->octaves[heat->first_row + row] : 0;
        heat->counts[(size_t)column * heat->rows + row] = now > then ? now - then : 0;
    }
}

static int fill_heatmap(struct profile_reading *reading, const struct profile_file_moment *from,
                        uint32_t count)
{
    struct shale_profile_report *report = reading->report;
    struct heat heat = {.columns = count < COLUMNS_MAX ? count : COLUMNS_MAX};
    uint32_t end_row;
    find_rows(&from[count - 1], &heat.first_row, &end_row);
    heat.rows = end_row - heat.first_row;
    if (heat.rows == 0)
        return 0;
    heat.column_ns = profile_report_array(report, heat.columns + 1, sizeof(uint64_t));
    heat.row_bytes = profile_report_array(report, heat.rows + 1, sizeof(uint64_t));
    heat.counts = profile_report_array(report, (size_t)heat.columns * heat.rows, sizeof(uint64_t));
    if (heat.column_ns == NULL || heat.row_bytes == NULL || heat.counts == NULL)
        return SHALE_ENOMEM;
    for (uint32_t row = 0; row <= heat.rows; row++) {
        uint32_t octave = heat.first_row + row;
        heat.row_bytes[row] = octave == 0                      ? 0
                              : octave == PROFILE_FILE_OCTAVES ? UINT64_MAX
                                                               : UINT64_C(1) << octave;
    }
    const struct profile_file_moment *before = NULL;
    for (uint32_t column = 0; column < heat.columns; column++) {
        const struct profile_file_moment *after =
            &from[(uint64_t)(column + 1) * count / heat.columns - 1];
        fill_column(reading, &heat, column, before, after);
        before = after;
    }
    report->heatmap = (struct profile_heatmap){heat.columns, heat.rows, heat.column_ns,
                                               heat.row_bytes, heat.counts};
    return 0;
}

int profile_read_times(struct profile_reading *reading)
{
    uint32_t count = GET(reading->live->moment_count);
    reading->report->provenance.duration_ns =
        profile_read_time(reading, GET(reading->live->ended_ticks));
    if (count == 0)
        return 0;
    const struct profile_file_moment *from =
        count > PROFILE_FILE_MOMENTS
            ? NULL
            : profile_read_piece(reading, GET(reading->live->moments_at), count, sizeof(*from));
    if (from == NULL)
        return profile_read_fail(reading, SHALE_EFORMAT, "its timeline lies outside of it");
    int result = fill_moments(reading, from, count);
    return result != 0 ? result : fill_heatmap(reading, from, count);
}
