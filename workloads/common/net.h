/* SPDX-License-Identifier: MIT */
/* Sockets for the workloads: TCP, non-blocking, closed on exec. Errors are -1 with errno. */
#ifndef WORKLOADS_COMMON_NET_H
#define WORKLOADS_COMMON_NET_H

#include <stddef.h>

/* A listening socket; port 0 takes a free one. `backlog` is what the kernel may cut. */
int net_listen(const char *address, int port, int backlog);

/* The port that a socket is bound to. */
int net_port(int fd);

/* The next connection; -1 with EAGAIN: there is none. */
int net_accept(int listener);

/* Begins to connect; the socket is writable when it is known how that ended (net_error()). */
int net_connect(const char *address, int port);

/* What happened to a socket, as an errno value; 0: nothing bad. */
int net_error(int fd);

/* Raises the limit of open files as far as it goes, and returns it. */
long net_raise_limit(void);

/* A decimal number between the bounds, or -1. */
long net_number(const char *text, long min, long max);

#endif
