/* SPDX-License-Identifier: MIT */
/* Colours and type of everything that Shale shows in a browser: look.css, as text. Layer 4. */
#ifndef SHALE_REPORT_LOOK_H
#define SHALE_REPORT_LOOK_H

/* NUL-terminated. */
extern const char report_look[];

#endif
