/* SPDX-License-Identifier: MIT */
/* Readiness of a server: see ready.h. Layer 4. */
#include "measure/ready.h"

#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { CONNECT_TIMEOUT_MS = 100 };

/* TCP:PORT or TCP:HOST:PORT (an IPv6 host has colons itself, so the last one counts). */
static int parse_tcp(const char *text, struct ready *ready)
{
    const char *colon = strrchr(text, ':');
    const char *port = colon ? colon + 1 : text;
    snprintf(ready->host, sizeof ready->host, "%.*s", colon ? (int)(colon - text) : 9,
             colon ? text : "127.0.0.1");
    char *end;
    long number = strtol(port, &end, 10);
    if (end == port || *end || number < 1 || number > 65535)
        return SHALE_EINVAL;
    snprintf(ready->port, sizeof ready->port, "%ld", number);
    ready->kind = READY_TCP;
    return SHALE_OK;
}

static bool parse_seconds(const char *text, struct ready *ready)
{
    char *end;
    ready->seconds = strtod(text, &end);
    ready->kind = READY_SECONDS;
    return end != text && *end == '\0' && isfinite(ready->seconds) && ready->seconds >= 0;
}

int ready_parse(const char *text, struct ready *ready, char *reason, size_t reason_size)
{
    struct ready result = {.kind = READY_AT_ONCE};
    if (text && strncmp(text, "TCP:", 4) == 0) {
        if (parse_tcp(text + 4, &result) != 0) {
            snprintf(reason, reason_size,
                     "'%s' names no port; write TCP:PORT or TCP:HOST:PORT, PORT from 1 to 65535",
                     text);
            return SHALE_EINVAL;
        }
    } else if (text && !parse_seconds(text, &result)) {
        const char *path = strncmp(text, "FILE:", 5) == 0 ? text + 5 : text;
        if (!*path || strlen(path) >= sizeof result.path) {
            snprintf(reason, reason_size, "'%s' is neither TCP:PORT, nor a file, nor seconds",
                     text);
            return SHALE_EINVAL;
        }
        result.kind = READY_FILE;
        snprintf(result.path, sizeof result.path, "%s", path);
    }
    *ready = result;
    return SHALE_OK;
}

static bool connects(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool connected = connect(fd, address->ai_addr, address->ai_addrlen) == 0;
    if (!connected && errno == EINPROGRESS) {
        struct pollfd waiting = {.fd = fd, .events = POLLOUT};
        int error = 0;
        socklen_t size = sizeof error;
        connected = poll(&waiting, 1, CONNECT_TIMEOUT_MS) == 1 &&
                    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    }
    close(fd);
    return connected;
}

static bool port_answers(const struct ready *ready)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    if (getaddrinfo(ready->host, ready->port, &hints, &addresses) != 0)
        return false;
    bool answers = false;
    for (struct addrinfo *address = addresses; address && !answers; address = address->ai_next)
        answers = connects(address);
    freeaddrinfo(addresses);
    return answers;
}

int ready_begin(struct ready *ready)
{
    ready->started_ns = (int64_t)shale_clock_monotonic_ns();
    if (ready->kind == READY_FILE)
        ready->existed = stat(ready->path, &ready->before) == 0;
    return ready->kind == READY_TCP && port_answers(ready) ? SHALE_EBUSY : SHALE_OK;
}

/* A file left over from an earlier run says nothing: it must be new, or written anew. */
static bool file_appeared(const struct ready *ready)
{
    struct stat now;
    if (stat(ready->path, &now) != 0)
        return false;
    return !ready->existed || now.st_ino != ready->before.st_ino ||
           now.st_mtim.tv_sec != ready->before.st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != ready->before.st_mtim.tv_nsec;
}

bool ready_check(const struct ready *ready)
{
    switch (ready->kind) {
    case READY_TCP:
        return port_answers(ready);
    case READY_FILE:
        return file_appeared(ready);
    case READY_SECONDS:
        return (double)((int64_t)shale_clock_monotonic_ns() - ready->started_ns) >=
               ready->seconds * 1e9;
    default:
        return true;
    }
}
