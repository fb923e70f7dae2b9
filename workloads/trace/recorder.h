/* SPDX-License-Identifier: MIT */
/*
 * Writes a trace from inside the traced process. Never calls malloc; see format.h.
 *
 * One lock orders all events. It lies in memory that a child process gets wiped, by which the child
 * knows that it is one, however it came to be: it begins a file of its own.
 */
#ifndef WORKLOADS_TRACE_RECORDER_H
#define WORKLOADS_TRACE_RECORDER_H

#include <stddef.h>

#include "format.h"

/* Notes what the thread does; errno stays as it is. */
void recorder_note(enum trace_operation operation, const void *address, size_t size,
                   size_t alignment);

#endif
