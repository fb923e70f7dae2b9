/* SPDX-License-Identifier: MIT */
/* Finding the engine's note in the objects of a process. Layer 2. */
#ifndef SHALE_INSPECT_NOTES_H
#define SHALE_INSPECT_NOTES_H

#include "identify/memory.h"

/* An object that has one: its file, and the address of its map. */
struct inspect_note {
    const char *object; /* in the text of the mappings */
    uint64_t map;
};

/*
 * Goes through the mapped files of a process.
 *
 * @param maps   the text of /proc/PID/maps; it is cut into lines.
 * @param notes  gets at most `room`.
 * @return       how many were found. What cannot be read is passed over.
 */
size_t inspect_find_notes(const struct identify_memory *memory, char *maps,
                          struct inspect_note *notes, size_t room);

#endif
