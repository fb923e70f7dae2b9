/* SPDX-License-Identifier: MIT */
/*
 * What declarations say about types, as far as ownership needs it: which record a name leads to,
 * and whether it can hold a pointer at all. Layer 1.
 *
 * Read from tokens, without headers of others. A type that is not known is no record and may hold
 * a pointer.
 */
#ifndef SHALE_MIGRATE_TYPES_H
#define SHALE_MIGRATE_TYPES_H

#include "migrate/world.h"

/* Typedefs and records of a file; all files before anything is looked up. */
void types_index(struct world *world, uint32_t source);

/*
 * Reads declaration specifiers from position `from` on.
 *
 * @param next  gets the position behind them: the first declarator.
 */
struct type types_specifiers(const struct world *world, const struct stream *stream, uint32_t from,
                             uint32_t to, uint32_t *next);

/* The type of a declarator: a scalar with a star or brackets can hold a pointer. */
struct type types_of_declarator(const struct stream *stream, struct type base, uint32_t from,
                                uint32_t to);

/* The field that the initializer of that position sets, or 0. Cost: linear in the position. */
name_id types_field_at(const struct world *world, name_id record, uint32_t position);

/* Notes a type in a list by name; of two that differ only what they share is known. */
void types_set(struct type_list *list, name_id name, struct type type);

/* The type of record.field, and its name "record.field"; 0 when the record has no such field. */
name_id types_field(const struct world *world, name_id record, name_id field, struct type *type);

#endif
