/* SPDX-License-Identifier: MIT */
/* What the TLS client found out, for people and as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Sorts it, and gives the latency that a share of all does not exceed, in microseconds. */
static double percentile(const struct latencies *sorted, double share)
{
    if (sorted->count == 0)
        return 0;
    size_t index = (size_t)(share * (double)(sorted->count - 1) + 0.5);
    return (double)sorted->ns[index] / 1000;
}

static void print_latencies(struct latencies *all, bool json)
{
    if (all->count > 0)
        qsort(all->ns, all->count, sizeof *all->ns, compare);
    printf(json ? "{\"count\": %zu, \"p50_us\": %.1f, \"p95_us\": %.1f, \"p99_us\": %.1f, "
                  "\"max_us\": %.1f}"
                : "%zu times, p50 %.0f us, p95 %.0f us, p99 %.0f us, max %.0f us",
           all->count, percentile(all, 0.5), percentile(all, 0.95), percentile(all, 0.99),
           percentile(all, 1));
}

static void print_text_of(const char *text)
{
    putchar('"');
    for (; *text; text++)
        if (*text == '"' || *text == '\\' || (unsigned char)*text < ' ')
            putchar('?');
        else
            putchar(*text);
    putchar('"');
}

static void report_json(const struct client_options *options, struct client_result *result)
{
    printf("{\"connections\": %d, \"connected\": %d, \"failed\": %d, \"seconds\": %.3f, "
           "\"reason\": ",
           options->connections, result->connected, result->failed, result->seconds);
    print_text_of(result->reason);
    printf(",\n \"handshake\": ");
    print_latencies(&result->handshake, true);
    printf(",\n \"echo\": [");
    for (size_t i = 0; i < options->size_count; i++) {
        printf("%s{\"size\": %d, \"latency\": ", i ? ",\n  " : "", options->sizes[i]);
        print_latencies(&result->echo[i], true);
        putchar('}');
    }
    printf("],\n \"trickled\": %lu, \"rss_before_bytes\": %" PRIu64 ", \"rss_peak_bytes\": %" PRIu64
           ", \"rss_closed_bytes\": %" PRIu64 ", \"rss_trickled_bytes\": %" PRIu64
           ", \"back_ms\": %" PRId64 "}\n",
           result->trickled, result->rss_before, result->rss_peak, result->rss_closed,
           result->rss_trickled, result->back_ms);
}

static double mib(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

static void report_text(const struct client_options *options, struct client_result *result)
{
    printf("%d of %d connections, %d failed%s%s, in %.2f s\nhandshake: ", result->connected,
           options->connections, result->failed, result->failed ? ": " : "", result->reason,
           result->seconds);
    print_latencies(&result->handshake, false);
    for (size_t i = 0; i < options->size_count; i++) {
        printf("\necho of %d bytes: ", options->sizes[i]);
        print_latencies(&result->echo[i], false);
    }
    putchar('\n');
    if (options->server > 0)
        printf("server's RSS in MiB: %.1f before, %.1f with all open, %.1f one second after all "
               "but one were closed, %.1f after the trickle\n",
               mib(result->rss_before), mib(result->rss_peak), mib(result->rss_closed),
               mib(result->rss_trickled));
}

void client_report(const struct client_options *options, struct client_result *result, bool json)
{
    if (json)
        report_json(options, result);
    else
        report_text(options, result);
}
