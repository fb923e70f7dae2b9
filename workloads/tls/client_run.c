/* SPDX-License-Identifier: MIT */
/*
 * The connections of the TLS client: one thread, an epoll, and a small state machine each.
 *
 *     CONNECTING -> GREETING -> SENDING <-> AWAITING -> IDLE
 *                                  (for each size of each round)
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include "../common/net.h"
#include "../common/resident.h"
#include "client.h"

enum {
    EVENTS = 256,
    TIMEOUT_MS = 60 * 1000, /* without any progress */
    SETTLE_MS = 1000,
    LOOK_MS = 10,
};

enum state { UNUSED, CONNECTING, GREETING, SENDING, AWAITING, IDLE };

struct connection {
    int fd;
    enum state state;
    WOLFSSL *tls;
    int message; /* number of the message, of rounds * sizes */
    int received;
    uint64_t began_ns;
};

struct client {
    const struct client_options *options;
    struct client_result *result;
    WOLFSSL_CTX *context;
    int epoll;
    int under_way;
    int messages; /* on each connection */
    struct connection *all;
};

static unsigned char text[SIZE_MAX_BYTES]; /* what is sent */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void add(struct latencies *all, uint64_t ns)
{
    if (all->count == all->capacity) {
        size_t capacity = all->capacity ? 2 * all->capacity : 1024;
        uint64_t *grown = realloc(all->ns, capacity * sizeof *grown);
        if (!grown)
            return;
        all->ns = grown;
        all->capacity = capacity;
    }
    all->ns[all->count++] = ns;
}

/* --------------------------------------------------------------------------- one connection */

static void shut(struct connection *connection)
{
    if (connection->tls) {
        wolfSSL_shutdown(connection->tls);
        wolfSSL_free(connection->tls);
    }
    if (connection->state != UNUSED)
        close(connection->fd);
    *connection = (struct connection){.state = UNUSED};
}

static void fail(struct client *client, struct connection *connection, const char *what,
                 const char *why)
{
    if (client->result->failed++ == 0)
        snprintf(client->result->reason, sizeof client->result->reason, "%s: %s", what, why);
    shut(connection);
    client->under_way--;
}

static void watch(const struct client *client, struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    epoll_ctl(client->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

/* After a call that did not succeed: waits for what it wants, or gives up. */
static void wait_or_fail(struct client *client, struct connection *connection, const char *what,
                         int result)
{
    char reason[WOLFSSL_MAX_ERROR_SZ];
    int error = wolfSSL_get_error(connection->tls, result);
    if (error == WOLFSSL_ERROR_WANT_READ)
        watch(client, connection, EPOLLIN);
    else if (error == WOLFSSL_ERROR_WANT_WRITE)
        watch(client, connection, EPOLLOUT);
    else
        fail(client, connection, what, wolfSSL_ERR_error_string((unsigned long)error, reason));
}

static void begin(struct client *client, struct connection *connection)
{
    connection->began_ns = now_ns();
    connection->fd = net_connect(client->options->address, client->options->port);
    if (connection->fd < 0) {
        fail(client, connection, "connect", strerror(errno));
        return;
    }
    connection->state = CONNECTING;
    connection->tls = wolfSSL_new(client->context);
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = connection};
    if (!connection->tls || wolfSSL_set_fd(connection->tls, connection->fd) != WOLFSSL_SUCCESS ||
        wolfSSL_UseKeyShare(connection->tls, WOLFSSL_ECC_X25519) != WOLFSSL_SUCCESS ||
        epoll_ctl(client->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        fail(client, connection, "connect", "no memory");
}

static int size_of(const struct client *client, const struct connection *connection)
{
    return client->options->sizes[(size_t)connection->message % client->options->size_count];
}

/* Each of these takes a connection one state further and says whether it got there. */

static bool greet(struct client *client, struct connection *connection)
{
    int error = connection->state == CONNECTING ? net_error(connection->fd) : 0;
    if (error) {
        fail(client, connection, "connect", strerror(error));
        return false;
    }
    connection->state = GREETING;
    int done = wolfSSL_connect(connection->tls);
    if (done != WOLFSSL_SUCCESS) {
        wait_or_fail(client, connection, "handshake", done);
        return false;
    }
    add(&client->result->handshake, now_ns() - connection->began_ns);
    client->result->connected++;
    connection->state = SENDING;
    connection->began_ns = now_ns();
    return true;
}

static bool send_message(struct client *client, struct connection *connection)
{
    int size = size_of(client, connection);
    int sent = wolfSSL_write(connection->tls, text, size);
    if (sent != size) {
        wait_or_fail(client, connection, "write", sent);
        return false;
    }
    connection->received = 0;
    connection->state = AWAITING;
    watch(client, connection, EPOLLIN);
    return true;
}

static bool await(struct client *client, struct connection *connection)
{
    static unsigned char answer[SIZE_MAX_BYTES];
    int size = size_of(client, connection);
    while (connection->received < size) {
        int got = wolfSSL_read(connection->tls, answer, size - connection->received);
        if (got <= 0) {
            wait_or_fail(client, connection, "read", got);
            return false;
        }
        if (memcmp(answer, text + connection->received, (size_t)got) != 0) {
            fail(client, connection, "read", "other bytes than were sent");
            return false;
        }
        connection->received += got;
    }
    size_t index = (size_t)connection->message % client->options->size_count;
    add(&client->result->echo[index], now_ns() - connection->began_ns);
    connection->message++;
    connection->state = connection->message < client->messages ? SENDING : IDLE;
    connection->began_ns = now_ns();
    return true;
}

static void advance(struct client *client, struct connection *connection)
{
    bool got_there = true;
    while (got_there && connection->state != IDLE && connection->state != UNUSED) {
        if (connection->state == CONNECTING || connection->state == GREETING)
            got_there = greet(client, connection);
        else if (connection->state == SENDING)
            got_there = send_message(client, connection);
        else
            got_there = await(client, connection);
    }
    if (connection->state == IDLE)
        client->under_way--;
}

/* An event on a connection that waits for nothing: the server has ended it. */
static void notice_end(struct client *client, struct connection *connection)
{
    unsigned char byte;
    int got = wolfSSL_read(connection->tls, &byte, 1);
    if (got <= 0 && wolfSSL_get_error(connection->tls, got) == WOLFSSL_ERROR_WANT_READ)
        return;
    client->under_way++;
    fail(client, connection, "while it was open", "the server ended it");
}

/* -------------------------------------------------------------------------- all of them */

/* False: nothing happened for so long that nothing will. */
static bool turn(struct client *client, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(client->epoll, events, EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        if (connection->state == IDLE)
            notice_end(client, connection);
        else if (connection->state != UNUSED)
            advance(client, connection);
    }
    return count > 0 || (count < 0 && errno == EINTR);
}

static void open_all(struct client *client)
{
    const struct client_options *options = client->options;
    int next = 0;
    uint64_t began = now_ns();
    while (next < options->connections || client->under_way > 0) {
        while (next < options->connections && client->under_way < options->at_once) {
            client->under_way++;
            begin(client, &client->all[next++]);
        }
        if (client->under_way > 0 && !turn(client, TIMEOUT_MS))
            break;
    }
    for (int i = 0; i < next; i++)
        if (client->all[i].state != IDLE && client->all[i].state != UNUSED)
            fail(client, &client->all[i], "timeout", "the server does not answer");
    client->result->seconds = (double)(now_ns() - began) / 1e9;
}

/* Reads the server's memory for a second; when it was back, and what it is at the end. */
static void watch_memory(const struct client *client)
{
    struct client_result *result = client->result;
    uint64_t began = now_ns(), limit = result->rss_peak / 20 + (4 << 20), waited_ms = 0;
    result->back_ms = -1;
    while (client->options->server > 0 && waited_ms < SETTLE_MS) {
        usleep(LOOK_MS * 1000);
        waited_ms = (now_ns() - began) / 1000000;
        result->rss_closed = resident_bytes(client->options->server);
        if (result->back_ms < 0 && result->rss_closed <= limit)
            result->back_ms = (int64_t)waited_ms;
    }
}

static struct connection *close_all_but_one(struct client *client)
{
    struct connection *kept = NULL;
    for (int i = 0; i < client->options->connections; i++) {
        if (!kept && client->all[i].state == IDLE)
            kept = &client->all[i];
        else
            shut(&client->all[i]);
    }
    return kept;
}

/* One message every 10 ms; their latencies are nobody's. */
static void trickle(struct client *client, struct connection *connection)
{
    struct client_result *result = client->result;
    size_t index = 0;
    uint64_t end = now_ns() + (uint64_t)(client->options->trickle_s * 1e9);
    while (connection->state == IDLE && now_ns() < end) {
        struct latencies before = result->echo[index];
        usleep(LOOK_MS * 1000);
        connection->message = 0;
        client->messages = 1;
        client->under_way = 1;
        connection->state = SENDING;
        advance(client, connection);
        while (client->under_way > 0 && turn(client, TIMEOUT_MS))
            continue;
        result->echo[index].count = before.count;
        result->trickled += connection->state == IDLE;
    }
}

static bool start(struct client *client)
{
    const struct client_options *options = client->options;
    signal(SIGPIPE, SIG_IGN);
    long files = net_raise_limit();
    if (files < options->connections + 8) {
        fprintf(stderr,
                "shale-tls-client: %d connections need a higher limit of open files than "
                "%ld; try ulimit -n\n",
                options->connections, files);
        return false;
    }
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(i * 7 + i / 251);
    client->messages = options->rounds * (int)options->size_count;
    client->all = calloc((size_t)options->connections, sizeof *client->all);
    client->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (wolfSSL_Init() == WOLFSSL_SUCCESS)
        client->context = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
    if (!client->all || client->epoll < 0 || !client->context) {
        fputs("shale-tls-client: out of memory\n", stderr);
        return false;
    }
    wolfSSL_CTX_set_session_cache_mode(client->context, WOLFSSL_SESS_CACHE_OFF);
    if (!options->authority) {
        wolfSSL_CTX_set_verify(client->context, WOLFSSL_VERIFY_NONE, NULL);
        return true;
    }
    wolfSSL_CTX_set_verify(client->context, WOLFSSL_VERIFY_PEER, NULL);
    if (wolfSSL_CTX_load_verify_locations(client->context, options->authority, NULL) ==
        WOLFSSL_SUCCESS)
        return true;
    fprintf(stderr, "shale-tls-client: cannot use '%s'; a PEM file is needed\n",
            options->authority);
    return false;
}

bool client_run(const struct client_options *options, struct client_result *result)
{
    struct client client = {.options = options, .result = result};
    if (!start(&client))
        return false;
    if (options->server > 0)
        result->rss_before = resident_bytes(options->server);
    open_all(&client);
    if (options->server > 0)
        result->rss_peak = resident_bytes(options->server);
    struct connection *kept = close_all_but_one(&client);
    watch_memory(&client);
    if (kept && options->trickle_s > 0)
        trickle(&client, kept);
    if (options->server > 0)
        result->rss_trickled = resident_bytes(options->server);
    if (kept)
        shut(kept);
    free(client.all);
    close(client.epoll);
    wolfSSL_CTX_free(client.context);
    wolfSSL_Cleanup();
    return true;
}
