/* SPDX-License-Identifier: MIT */
/*
 * What to try, worked out from a profile's figures. Layer 4.
 *
 * A finding names the figures it rests on. Limits are set so that a program without trouble hears
 * nothing: docs/decisions/0156 has them and why.
 */
#ifndef SHALE_REPORT_ADVISE_H
#define SHALE_REPORT_ADVISE_H

#include "profile/model.h"

enum report_advice_kind {
    REPORT_ADVICE_TEMPORARY,    /* a hot place allocates and frees at once */
    REPORT_ADVICE_CROSS_THREAD, /* blocks are freed by other threads than allocate them */
    REPORT_ADVICE_LEAK,         /* blocks pile up over the whole run */
    REPORT_ADVICE_PINNING,      /* few survivors keep pages resident */
    REPORT_ADVICE_OVERSIZED,    /* more is asked for than is ever touched */
    REPORT_ADVICE_ROUNDING,     /* the allocator's blocks are much larger than the requests */
    REPORT_ADVICE_KINDS,
};

enum { REPORT_ADVICE_SITES = 3 };

struct report_advice {
    enum report_advice_kind kind;
    bool high;         /* much to gain; else worth a look */
    const char *title; /* static, as remedy */
    char evidence[512];
    const char *remedy;
    uint32_t sites[REPORT_ADVICE_SITES]; /* indices into the report's sites, weightiest first */
    uint32_t site_count;
};

/* The word that JSON has for it. */
const char *report_advice_name(enum report_advice_kind kind);

/*
 * Fills advice, what promises most first.
 *
 * @return how many findings; 0 for a program without trouble.
 */
unsigned report_advise(const struct shale_profile_report *report,
                       struct report_advice advice[REPORT_ADVICE_KINDS]);

#endif
