/* SPDX-License-Identifier: MIT */
/*
 * One side of a comparison: an allocator, and what else that side has of its own. Layer 4.
 *
 *     arm_find -> arm_warm_up -> arm_run ... -> arm_free
 *
 * The trial that is passed says what all arms share; an arm puts its allocator, its build of the
 * program and its environment in.
 */
#ifndef SHALE_MEASURE_ARM_H
#define SHALE_MEASURE_ARM_H

#include <jansson.h>

#include "measure/c_library.h"
#include "measure/trial.h"

/* What an arm has beside its allocator. */
struct arm_setting {
    const char *name;               /* goes into the label, in brackets; NULL: nothing to say */
    const char *const *argv;        /* another build of the program; NULL: the trial's */
    const char *const *environment; /* after the trial's; "K=V", NULL ends; may be NULL */
};

struct arm {
    const char *request;               /* as the user wrote it */
    const struct arm_setting *setting; /* NULL: none */
    const char *const *argv;           /* what is run */
    const char **environment;          /* the trial's and the setting's together; NULL: trial's */
    struct finder_list found;          /* holds the strings of `allocator` */
    struct finder_allocator allocator; /* what runs are started with */
    char label[160];                   /* "mimalloc 3.6.0", "mimalloc 3.6.0 (no THP)" */
    struct c_library_help help;        /* what "system" needs to serve this program */
    char note[512];                    /* what a reader must know of how it is used; or "" */
    struct proof proof;                /* of the warm-up run */
};

/*
 * Finds the allocator, and looks whether it can be loaded into that program.
 *
 * @param reason  gets why not, on error; 512 bytes are never too few.
 * @return  0; SHALE_ENOENT: nothing fits the request; SHALE_ENOTSUP: it cannot be used with this
 *          program; SHALE_ENOMEM.
 * Ownership: arm_free in every case. setting, and the trial's strings, must outlive the arm.
 */
SHALE_NODISCARD int arm_find(struct arm *arm, const char *request,
                             const struct arm_setting *setting, const struct trial_spec *trial,
                             char *reason, size_t reason_size);

/*
 * The first run: it is not measured, and says what serves this program. Where another allocator is
 * linked in, this is where "system" learns what it has to preload.
 *
 * @return  as trial_run.
 */
SHALE_NODISCARD int arm_warm_up(struct arm *arm, const struct trial_spec *trial,
                                struct trial_failure *failure);

/* One run of the trial under this arm. @return as trial_run. */
SHALE_NODISCARD int arm_run(const struct arm *arm, const struct trial_spec *trial,
                            struct trial_result *result, struct trial_failure *failure);

/* Do both run the same file in the same way? */
bool arm_same(const struct arm *left, const struct arm *right);

/* What the arm is and what was proven, as a new object; NULL without memory. */
json_t *arm_json(const struct arm *arm);

void arm_free(struct arm *arm);

#endif
