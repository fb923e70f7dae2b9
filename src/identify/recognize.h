/* SPDX-License-Identifier: MIT */
/* Whose code a module is, and of which version: by symbols, else by texts in its read-only
 * segments. Layer 1; part of the self-check. */
#ifndef SHALE_IDENTIFY_RECOGNIZE_H
#define SHALE_IDENTIFY_RECOGNIZE_H

#include "identify/modules.h"

/* Sets allocator, allocator_evidence and identified of a module, once. */
void identify_recognize(struct identify_module *module);

/* The catalog entry one of whose texts is in the module, or NULL; *text is the one found. */
const struct identify_allocator *identify_recognize_text(const struct identify_module *module,
                                                         const char **text);

/*
 * Reads the version of the allocator in a module.
 *
 * @param version_symbol  where mi_version is, when the caller knows it; 0: it is looked up.
 * @param out             gets the version; empty when it is not written anywhere.
 */
void identify_recognize_version(const struct identify_module *module,
                                const struct identify_allocator *allocator, uint64_t version_symbol,
                                char *out, size_t size);

#endif
