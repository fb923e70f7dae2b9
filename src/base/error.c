/* SPDX-License-Identifier: MIT */
/* The texts of the error codes. Layer 0. */
#include <shale/error.h>

#include "base/attributes.h"

const char *shale_strerror(int code)
{
    switch (code) {
#define SHALE_ERROR_CASE(name, number, text)                                                       \
    case SHALE_##name:                                                                             \
        return text;
        SHALE_ERROR_LIST(SHALE_ERROR_CASE)
#undef SHALE_ERROR_CASE
    default:
        return "unknown error";
    }
}
