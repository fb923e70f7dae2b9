/* SPDX-License-Identifier: MIT */
/*
 * Error codes: every function that returns `int` returns 0 or one of these, negative.
 *
 * The list below is the only one: the enum, the texts, the documentation and the Python
 * exceptions are made from it. A code keeps its number for ever.
 */
#ifndef SHALE_ERROR_H
#define SHALE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, number, text) */
#define SHALE_ERROR_LIST(X)                                                                        \
    X(OK, 0, "success")                                                                            \
    X(EINVAL, 1, "invalid argument")                                                               \
    X(ENOMEM, 2, "out of memory")                                                                  \
    X(ENOTSUP, 3, "not supported on this system or in this build")                                 \
    X(ENOENT, 4, "not found")                                                                      \
    X(EPERM, 5, "permission denied")                                                               \
    X(EIO, 6, "input or output failed")                                                            \
    X(EFORMAT, 7, "malformed data")                                                                \
    X(EGONE, 8, "the process ended")                                                               \
    X(ETIMEOUT, 9, "timed out")                                                                    \
    X(EBUSY, 10, "busy")                                                                           \
    X(ERANGE, 11, "out of range")                                                                  \
    X(ECANCELED, 12, "cancelled")                                                                  \
    X(EEXIST, 13, "exists already")                                                                \
    X(EEMPTY, 14, "empty")                                                                         \
    X(EFULL, 15, "full")                                                                           \
    X(ESHUTDOWN, 16, "shut down")                                                                  \
    X(ESTALE, 17, "the epoch or the handle has ended")                                             \
    X(EDEFERRED, 18, "begun, and finished later")                                                  \
    X(EDOUBLEFREE, 19, "freed before")                                                             \
    X(EBADHANDLE, 20, "not a handle")

enum shale_error {
#define SHALE_ERROR_ENUM(name, number, text) SHALE_##name = -(number),
    SHALE_ERROR_LIST(SHALE_ERROR_ENUM)
#undef SHALE_ERROR_ENUM
};

/*
 * The text of an error code, in English, without a final period.
 *
 * @param code  a value of enum shale_error; any other int is accepted.
 * @return      a static string, never NULL; "unknown error" for a number not in the list.
 * Threads: safe from any thread and from a signal handler. Ownership: static.
 * Since: 0.1.0
 */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const char *
shale_strerror(int code);

#ifdef __cplusplus
}
#endif
#endif
