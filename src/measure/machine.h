/* SPDX-License-Identifier: MIT */
/* What a reader of figures must know of the machine they were taken on. Layer 4. */
#ifndef SHALE_MEASURE_MACHINE_H
#define SHALE_MEASURE_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct machine_note {
    char cpu[96];  /* the processor's name, "unknown" when the kernel tells none */
    unsigned cpus; /* this process may use at once */
    bool virtual_machine;
    char kernel[96];   /* "Linux 6.1.0" */
    char libc[48];     /* "glibc 2.36" */
    const char *thp;   /* mode of transparent huge pages */
    char governor[32]; /* of the first processor's frequency, "none" where there is no scaling */
    uint64_t memory_bytes;
};

void machine_read(struct machine_note *note);

/* One line: "AMD EPYC, 2 CPUs, virtual, 7.8 GiB, Linux 6.1.0, glibc 2.36, THP madvise, ..." */
void machine_text(const struct machine_note *note, char *text, size_t size);

/* The note as a new object; NULL without memory. */
json_t *machine_json(const struct machine_note *note);

#endif
