/* SPDX-License-Identifier: MIT */
/*
 * Reading a .shprof file into the model. Layer 3.
 *
 * The file may be of a program that still runs, that was killed, or whose disk was full. Whatever
 * its bytes are, reading ends with a report or with an error and a reason.
 */
#ifndef SHALE_PROFILE_READER_H
#define SHALE_PROFILE_READER_H

#include "profile/model.h"

/* What the reader is to do; all zero is the default. */
struct profile_read_options {
    bool no_symbols;          /* leave frames as addresses: fast */
    const char *suppressions; /* a file in LeakSanitizer's format; NULL none */
};

struct profile_problem {
    char text[512]; /* why not, for people: no final period */
};

/*
 * Reads a profile, with symbols.
 *
 * @param options  NULL is the default.
 * @param report   gets the report, which passed profile_report_validate; profile_report_free frees
 *                 it.
 * @param problem  gets the reason of a failure; may be NULL.
 * @return 0; SHALE_ENOENT, SHALE_EPERM, SHALE_EIO: the file cannot be opened or read;
 *         SHALE_EFORMAT: it is no profile, or damaged; SHALE_ENOTSUP: of another version;
 *         SHALE_ENOMEM.
 */
SHALE_NODISCARD int profile_read(const char *path, const struct profile_read_options *options,
                                 struct shale_profile_report **report,
                                 struct profile_problem *problem);

#endif
