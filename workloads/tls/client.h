/* SPDX-License-Identifier: MIT */
/* The TLS client: what it is asked to do, what it found out, and its connections. */
#ifndef WORKLOADS_TLS_CLIENT_H
#define WORKLOADS_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { SIZES_MAX = 16, SIZE_MAX_BYTES = 1 << 20 };

/* Times in nanoseconds, in the order they came; sorted for the report. */
struct latencies {
    uint64_t *ns;
    size_t count, capacity;
};

struct client_options {
    const char *address;
    const char *authority; /* PEM file that vouches for the server; NULL: anybody is believed */
    int port;
    int connections;
    int at_once; /* of them between connect and the last echo */
    int rounds;  /* of all sizes, on each */
    int sizes[SIZES_MAX];
    size_t size_count;
    double trickle_s; /* on one connection, after the others were closed */
    pid_t server;     /* whose memory is read; 0: nobody's */
};

struct client_result {
    int connected, failed;
    char reason[160]; /* of the first failure */
    double seconds;   /* until every connection was open and had its echoes */
    struct latencies handshake;
    struct latencies echo[SIZES_MAX];
    uint64_t rss_before, rss_peak, rss_closed, rss_trickled; /* bytes, of the server */
    int64_t back_ms; /* until at most 5 % of the peak and 4 MiB were left; -1: not in a second */
    unsigned long trickled;
};

/* Opens all connections, uses them, closes all but one, trickles, closes it; false: it cannot even
 * start, with the reason on stderr. */
bool client_run(const struct client_options *options, struct client_result *result);

/* As text, or as one JSON object. */
void client_report(const struct client_options *options, struct client_result *result, bool json);

#endif
