/* SPDX-License-Identifier: MIT */
/* Adding findings to a doctor's report. Layer 4. */
#ifndef SHALE_MEASURE_DOCTOR_INTERNAL_H
#define SHALE_MEASURE_DOCTOR_INTERNAL_H

#include "measure/doctor.h"

/* All is well: what was found. */
void doctor_ok(struct doctor_report *report, const char *subject, const char *name,
               const char *format, ...) SHALE_PRINTF(4, 5);

/* Something is not: the state, what it means, what to do, and what was found. */
void doctor_note(struct doctor_report *report, const char *subject, const char *name,
                 enum doctor_state state, const char *meaning, const char *advice,
                 const char *format, ...) SHALE_PRINTF(7, 8);

/* The checks of single topics, added to the report. */
void doctor_check_environment(struct doctor_report *report, const char *const *environment);
void doctor_check_limits(struct doctor_report *report);
void doctor_check_memory(struct doctor_report *report);
void doctor_check_processors(struct doctor_report *report);

/*
 * How many functions of an x86-64 program keep a frame pointer.
 *
 * @param share  gets 0 to 1.
 * @return 0; SHALE_ENOTSUP for other machines and files without unwind tables; what opening gave.
 */
SHALE_NODISCARD int doctor_frame_pointers(const char *path, double *share);

#endif
