/* SPDX-License-Identifier: MIT */
/* The version of the headers a program was compiled against. */
#ifndef SHALE_VERSION_H
#define SHALE_VERSION_H

#define SHALE_VERSION_MAJOR  0
#define SHALE_VERSION_MINOR  1
#define SHALE_VERSION_PATCH  0
#define SHALE_VERSION_STRING "0.1.0"

/* One number that grows with every release: 0.1.0 is 100, 1.2.3 is 10203. */
#define SHALE_VERSION_NUMBER                                                                       \
    (SHALE_VERSION_MAJOR * 10000 + SHALE_VERSION_MINOR * 100 + SHALE_VERSION_PATCH)

#endif
