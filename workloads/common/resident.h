/* SPDX-License-Identifier: MIT */
/* How much memory of a process is resident, for the workloads. */
#ifndef WORKLOADS_COMMON_RESIDENT_H
#define WORKLOADS_COMMON_RESIDENT_H

#include <stdint.h>
#include <sys/types.h>

/* Bytes of a process that are resident; pid 0: the own one; 0 where that is not known. Allocates
 * nothing. */
uint64_t resident_bytes(pid_t pid);

#endif
