/* SPDX-License-Identifier: MIT */
/*
 * shale-tls-client: many TLS 1.3 connections at once to an echo server.
 *
 * All are opened and kept; on each, every size is sent and awaited; then all but one are closed,
 * and that one goes on for a while. With the server's pid its resident memory is read at each step.
 *
 *   -p PORT, -a ADDRESS (127.0.0.1)    -n N  connections (1)      -r N  rounds of all sizes (1)
 *   -s SIZE[,SIZE...]  bytes (64)      -i N  handshakes and echoes under way at once (64)
 *   -t SECONDS  trickle (0)            -P PID  of the server      -c CERT  to believe, else anybody
 *   -j  JSON
 *
 * Ends with 0 when no connection failed, 1 when one did, 64 for a wrong command line.
 */
#include "client.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/net.h"

enum { USAGE = 64 };

static int usage(void)
{
    fputs("usage: shale-tls-client -p PORT [-a ADDRESS] [-n CONNECTIONS] [-i AT_ONCE] [-r ROUNDS] "
          "[-s SIZE,...] [-t SECONDS] [-P PID] [-c CERT] [-j]\n",
          stderr);
    return USAGE;
}

static bool take_sizes(char *text, struct client_options *options)
{
    char *rest = NULL;
    options->size_count = 0;
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        long size = net_number(word, 1, SIZE_MAX_BYTES);
        if (size < 0 || options->size_count == SIZES_MAX)
            return false;
        options->sizes[options->size_count++] = (int)size;
    }
    return options->size_count > 0;
}

static bool take_number(const char *text, int max, int *number)
{
    *number = (int)net_number(text, 1, max);
    return *number > 0;
}

static bool take_option(int option, struct client_options *options, bool *json)
{
    int number;
    switch (option) {
    case 'a':
        options->address = optarg;
        return true;
    case 'c':
        options->authority = optarg;
        return true;
    case 'p':
        return take_number(optarg, 65535, &options->port);
    case 'n':
        return take_number(optarg, 1000000, &options->connections);
    case 'i':
        return take_number(optarg, 1000000, &options->at_once);
    case 'r':
        return take_number(optarg, 1000000, &options->rounds);
    case 's':
        return take_sizes(optarg, options);
    case 't':
        number = (int)net_number(optarg, 0, 3600);
        options->trickle_s = number;
        return number >= 0;
    case 'P':
        if (!take_number(optarg, 1 << 30, &number))
            return false;
        options->server = number;
        return true;
    case 'j':
        *json = true;
        return true;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    struct client_options options = {.address = "127.0.0.1",
                                     .connections = 1,
                                     .at_once = 64,
                                     .rounds = 1,
                                     .sizes = {64},
                                     .size_count = 1};
    static struct client_result result;
    bool json = false;
    for (int option; (option = getopt(argc, argv, "a:c:p:n:i:r:s:t:P:j")) != -1;)
        if (!take_option(option, &options, &json))
            return usage();
    if (optind != argc || options.port == 0)
        return usage();
    if (!client_run(&options, &result))
        return EXIT_FAILURE;
    client_report(&options, &result, json);
    return result.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
