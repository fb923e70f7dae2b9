/* SPDX-License-Identifier: MIT */
/*
 * The proof that a launched program got the allocator it was given: a prove function for
 * launch_start that asks identify_pid. Layer 4.
 *
 * Proven means: the verdict is ACTIVE, and the malloc that serves lies in the very file that was
 * preloaded (another copy of the same allocator does not count).
 */
#ifndef SHALE_MEASURE_PROVE_H
#define SHALE_MEASURE_PROVE_H

#include <stdint.h>

#include "identify/identify.h"
#include "measure/finder.h"
#include "measure/launch.h"

struct prove_request {
    const struct finder_allocator *allocator; /* what must serve malloc */
    struct identify_report report;            /* the last look: evidence, or why it is not proven */
    char reason[640];                         /* why it is not proven, in words, without a period */
    int64_t first_look_ns; /* of a program that runs: it gets a second from then on */
};

/* An empty request; prove_free ends its use. */
void prove_init(struct prove_request *request, const struct finder_allocator *allocator);
void prove_free(struct prove_request *request);

/*
 * A launch_prove_fn; the context is a struct prove_request.
 *
 * @return 0: proven; SHALE_EBUSY: not yet (only while it runs); SHALE_EFORMAT: another allocator
 *         serves, reason tells; another error of identify_pid: it could not be read.
 */
int prove_allocator(pid_t pid, bool held, void *context);

/*
 * Does the program gain rights when it is started (setuid, setgid, file capabilities)? The kernel
 * withholds them from one that is held for its proof, so a proof would be about another program.
 */
bool prove_takes_rights_from(const char *command);

#endif
