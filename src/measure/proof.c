/* SPDX-License-Identifier: MIT */
/* Keeps what was proven about a run: see proof.h. Layer 4. */
#include "measure/proof.h"

#include <stdio.h>
#include <string.h>

static void copy(char *target, size_t size, const char *text)
{
    snprintf(target, size, "%s", text ? text : "");
}

void proof_take(struct proof *proof, const struct identify_report *report)
{
    *proof = (struct proof){0};
    copy(proof->verdict, sizeof proof->verdict, shale_verdict_name(report->verdict));
    copy(proof->allocator, sizeof proof->allocator, report->allocator);
    copy(proof->version, sizeof proof->version, report->version);
    copy(proof->object, sizeof proof->object, report->object);
    copy(proof->executable, sizeof proof->executable, report->executable);
    copy(proof->build_id, sizeof proof->build_id, report->build_id);
    copy(proof->reason, sizeof proof->reason, report->reason);
    copy(proof->remedy, sizeof proof->remedy, report->remedy);
    for (size_t i = 0; i < report->layer_count; i++) {
        size_t used = strlen(proof->layers);
        snprintf(proof->layers + used, sizeof proof->layers - used, "%s%s", i ? ", " : "",
                 report->layers[i]);
    }
}
