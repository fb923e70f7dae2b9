/* SPDX-License-Identifier: MIT */
/* Asks the allocators in this process whose real pointers are. Layer 1; part of the self-check. */
#ifndef SHALE_IDENTIFY_PROBE_H
#define SHALE_IDENTIFY_PROBE_H

#include "identify/report.h"

/*
 * Takes memory from each function of the malloc family, asks who owns it, notes the answers as
 * evidence and gives the memory back. Pointers that belong to another allocator than
 * report->allocator are noted as deviations.
 */
void identify_probe(struct identify_report *report);

#endif
