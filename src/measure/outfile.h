/* SPDX-License-Identifier: MIT */
/*
 * A file that is either written whole or not at all. Layer 4.
 *
 * The text is collected under a temporary name in the folder of the target, synced, and renamed
 * over it. A full disk leaves the old file, or none, as it was. What is no regular file (a pipe,
 * /dev/stdout, /dev/full) is written directly; "-" is stdout.
 */
#ifndef SHALE_MEASURE_OUTFILE_H
#define SHALE_MEASURE_OUTFILE_H

#include <jansson.h>
#include <stdio.h>

#include <shale/error.h>

#include "base/attributes.h"

struct outfile {
    FILE *stream;    /* write here */
    char *path;      /* the target; NULL: stdout */
    char *temporary; /* NULL: written directly */
};

/*
 * Opens the file for writing.
 *
 * @param path  "-" is stdout.
 * @return  0; SHALE_EIO (errno says more), SHALE_ENOMEM.
 */
SHALE_NODISCARD int outfile_open(struct outfile *file, const char *path);

/*
 * Can a file be put there? To be asked before minutes of work, not after. Leaves nothing behind.
 *
 * @param path  NULL and "-" are fine. A pipe or device too: opening it now could block or be seen.
 * @return  0; SHALE_EIO (errno says more), SHALE_ENOMEM.
 */
SHALE_NODISCARD int outfile_probe(const char *path);

/*
 * Puts the file in place, or removes what was written of it when anything has failed since the
 * opening. The handle is closed either way.
 *
 * @return  0; SHALE_EIO: errno says what failed first.
 */
SHALE_NODISCARD int outfile_commit(struct outfile *file);

/* Gives up: the target stays as it was. Harmless after outfile_commit. */
void outfile_abandon(struct outfile *file);

/* Writes a field of a CSV file: in quotes, quotes inside doubled. */
void outfile_csv_field(const char *text, FILE *out);

/*
 * Writes a document as every report has it, and gives up the reference to it.
 *
 * @param json  NULL: there was no memory for it.
 * @return  0, SHALE_ENOMEM, SHALE_EIO.
 */
SHALE_NODISCARD int outfile_json(json_t *json, FILE *out);

#endif
