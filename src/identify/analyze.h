/* SPDX-License-Identifier: MIT */
/* From the objects of a program and their bindings to a verdict. Layer 1; part of the self-check.
 */
#ifndef SHALE_IDENTIFY_ANALYZE_H
#define SHALE_IDENTIFY_ANALYZE_H

#include "identify/modules.h"
#include "identify/report.h"

/* What is looked at. */
struct identify_subject {
    struct identify_modules *modules; /* in scope order, the executable first */
    bool image;                       /* files: nothing is bound yet */
    const char *preload;              /* LD_PRELOAD of the target, or NULL */
    const char *system_preload;       /* contents of its /etc/ld.so.preload, or NULL */
    const char *python_malloc;        /* PYTHONMALLOC of the target, or NULL */
    /* Of the executable, where its symbol table on disk tells more than what it exports. */
    const struct identify_allocator *embedded; /* whose code it carries; NULL: unknown */
    const char *embedded_evidence;
    uint64_t version_symbol; /* where mi_version is in memory, or 0 */
    bool hidden_malloc;      /* it defines a malloc that it does not export */
};

/*
 * Judges: fills everything but method, pid, target, executable and build_id of the report.
 *
 * @return 0; SHALE_EINVAL for an unknown name in options->expect; SHALE_EGONE; SHALE_ENOMEM.
 */
SHALE_NODISCARD int identify_analyze(const struct identify_subject *subject,
                                     const struct identify_options *options,
                                     struct identify_report *report);

/*
 * Judges a program without dynamic linker: all it calls is in the executable itself.
 *
 * @param defines_malloc  its symbol table has malloc; meaningless when stripped is true.
 */
SHALE_NODISCARD int identify_analyze_static(const struct identify_subject *subject, bool stripped,
                                            bool defines_malloc,
                                            const struct identify_options *options,
                                            struct identify_report *report);

#endif
