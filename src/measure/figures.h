/* SPDX-License-Identifier: MIT */
/*
 * The figures of one run: what each is called, its unit, and whether it is one of those that a
 * verdict is drawn from (primary) or one that explains them. Layer 4.
 */
#ifndef SHALE_MEASURE_FIGURES_H
#define SHALE_MEASURE_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

enum figure_unit { FIGURE_SECONDS, FIGURE_BYTES, FIGURE_COUNT, FIGURE_PLAIN };

/* The figures that every run has; phases and picked numbers follow after FIGURE_FIXED. */
enum figure_fixed {
    FIGURE_WALL, /* of the command, or of the load where there is one */
    FIGURE_CPU,  /* user + system of the command, its whole life */
    FIGURE_USER,
    FIGURE_SYSTEM,
    FIGURE_PEAK,   /* highest resident size of the whole tree */
    FIGURE_STEADY, /* resident size: the median of the second half */
    FIGURE_PSS,    /* the same of PSS */
    FIGURE_HUGE,   /* and of anonymous huge pages */
    FIGURE_SWITCHES_VOLUNTARY,
    FIGURE_SWITCHES_INVOLUNTARY,
    FIGURE_FAULTS_MINOR,
    FIGURE_FAULTS_MAJOR,
    FIGURE_READ, /* from storage; what the page cache had does not count */
    FIGURE_WRITTEN,
    FIGURE_FIXED
};

enum {
    FIGURE_PHASES_MAX = 18, /* loaded, then each --then, then idle */
    FIGURE_PER_PHASE = 3,   /* RSS, PSS, huge pages */
    FIGURE_PICKERS_MAX = 16,
    FIGURES_MAX = FIGURE_FIXED + FIGURE_PHASES_MAX * FIGURE_PER_PHASE + FIGURE_PICKERS_MAX,
};

struct figure {
    char name[64];  /* for files: wall_s, rss_loaded_bytes */
    char title[64]; /* for people: "wall time" */
    enum figure_unit unit;
    bool primary;
    bool shown; /* has a meaning in this kind of run */
};

/* The figures in the order of a run's values. */
struct figure_list {
    struct figure items[FIGURES_MAX];
    size_t count;
};

/*
 * Lists the figures of a comparison.
 *
 * @param phases   names of the phases in their order; none for a plain command.
 * @param pickers  names of the numbers that --metric picks.
 */
void figures_list(const char *const *phases, size_t phase_count, const char *const *pickers,
                  size_t picker_count, struct figure_list *list);

/* Writes a value for people: "1.204 s", "41.3 MiB", "12,345"; "-" for NaN. */
void figure_format(enum figure_unit unit, double value, char *text, size_t size);

#endif
