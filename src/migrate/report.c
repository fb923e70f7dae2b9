/* SPDX-License-Identifier: MIT */
/* The report for people: a line for each site, and the totals. Layer 1. */
#include "migrate/migrate.h"

static void print_site(const struct migrate_site *site, FILE *out)
{
    const struct migrate_rule_text *rule = &migrate_rules[site->rule];
    fprintf(out, "%s:%u:%u: %s%s", site->path, site->line, site->column,
            migrate_class_name(site->class),
            site->flagged && site->class != MIGRATE_REVIEW ? ", look at it" : "");
    if (site->function[0])
        fprintf(out, ": '%s'", site->function);
    fprintf(out, ": %s", rule->reason);
    if (site->detail)
        fprintf(out, ": %s", site->detail);
    if (site->inactive)
        fprintf(out, " (in a branch that is not compiled)");
    fprintf(out, " [%s]\n", rule->name);
}

void migrate_print_sites(const struct migrate_plan *plan, bool all, FILE *out)
{
    for (size_t i = 0; i < plan->site_count; i++)
        if (all || plan->sites[i].flagged)
            print_site(&plan->sites[i], out);
}

void migrate_print_totals(const struct migrate_plan *plan, FILE *out)
{
    fprintf(out,
            "%zu converted, %zu kept, %zu to review; %zu files with %zu lines read in %.1f s, %zu "
            "files to change\n",
            plan->totals[MIGRATE_CONVERTED], plan->totals[MIGRATE_KEPT],
            plan->totals[MIGRATE_REVIEW], plan->file_count, plan->line_count, plan->seconds,
            plan->change_count);
}
