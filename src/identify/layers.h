/* SPDX-License-Identifier: MIT */
/* Allocators that stand above malloc: they take big blocks and hand out small ones themselves, so
 * malloc sees only a part of a program's allocations. Layer 1; part of the self-check. */
#ifndef SHALE_IDENTIFY_LAYERS_H
#define SHALE_IDENTIFY_LAYERS_H

#include "identify/modules.h"
#include "identify/report.h"

/*
 * Notes the layers that the loaded objects show.
 *
 * @param python_malloc  PYTHONMALLOC of the target, or NULL.
 */
void identify_note_layers(const struct identify_modules *modules, const char *python_malloc,
                          struct identify_report *report);

/* Notes an allocator that the executable carries beside malloc, under names of its own. */
void identify_note_private_allocator(const char *name, const char *evidence, const char *executable,
                                     struct identify_report *report);

#endif
