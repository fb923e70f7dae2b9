/* SPDX-License-Identifier: MIT */
/* Sockets for the workloads. */
#define _GNU_SOURCE /* accept4 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int fill_address(const char *text, int port, struct sockaddr_in *address)
{
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    if (inet_pton(AF_INET, text, &address->sin_addr) == 1)
        return 0;
    errno = EINVAL;
    return -1;
}

/* Small answers go out at once. */
static void send_at_once(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int fail(int fd)
{
    int kept = errno;
    close(fd);
    errno = kept;
    return -1;
}

int net_listen(const char *address, int port, int backlog)
{
    struct sockaddr_in name;
    int on = 1;
    if (fill_address(address, port, &name) != 0)
        return -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&name, sizeof name) != 0 || listen(fd, backlog) != 0)
        return fail(fd);
    return fd;
}

int net_port(int fd)
{
    struct sockaddr_in name = {.sin_port = 0};
    socklen_t size = sizeof name;
    return getsockname(fd, (struct sockaddr *)&name, &size) == 0 ? ntohs(name.sin_port) : -1;
}

int net_accept(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        send_at_once(fd);
    return fd;
}

int net_connect(const char *address, int port)
{
    struct sockaddr_in name;
    if (fill_address(address, port, &name) != 0)
        return -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    send_at_once(fd);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) != 0 && errno != EINPROGRESS)
        return fail(fd);
    return fd;
}

int net_error(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

long net_raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return -1;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    return (long)limit.rlim_cur;
}

long net_number(const char *text, long min, long max)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && number >= min && number <= max ? number
                                                                                       : -1;
}
