/* SPDX-License-Identifier: MIT */
/* What the writers of HTML, XML and Markdown share: escaping, and the frame of a page. Layer 5. */
#ifndef SHALE_GATE_MARKUP_H
#define SHALE_GATE_MARKUP_H

#include <stdio.h>

/* Text inside XML or HTML; what XML 1.0 cannot hold becomes '?'. */
void markup_text(const char *text, FILE *out);

/* A cell of a Markdown table: a pipe would end it. */
void markup_cell(const char *text, FILE *out);

/*
 * A page that needs nothing else and works without scripts, up to where its body begins.
 * Classes: v0 to v3 for verdicts, n for numbers, dim.
 */
void markup_page_begin(const char *title, FILE *out);
void markup_page_end(FILE *out);

#endif
