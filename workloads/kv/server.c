/* SPDX-License-Identifier: MIT */
/*
 * shale-kv: an ordered key-value server for Redis' clients.
 *
 *   shale-kv [-p PORT] [-l ADDRESS] [-t THREADS] [-m domains|blocks]
 *
 * PORT 6380, 0: any that is free, and the port is printed; ADDRESS 127.0.0.1; THREADS 2. `domains`,
 * the default where Shale's backend is slab: a domain for each connection.
 *
 * Each thread has an epoll and its own connections; all wait on one listening socket. SIGTERM and
 * SIGINT end it in order, with a line on stderr of what was done and what memory was left.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <shale/stats.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../common/net.h"
#include "connection.h"

enum {
    EVENTS = 128,
    BACKLOG = 4096,
    THREADS_MAX = 64,
    IDLE_MS = 100, /* without an event: what was given up goes back */
    USAGE = 64,
};

struct worker {
    struct service *service;
    pthread_t thread;
    int epoll, listener, stop; /* the last two are everybody's */
    bool busy;                 /* did something since it last tidied up */
    struct connection *connections;
};

/* Marks of epoll events that are no connections. */
static char listener_mark, stop_mark;

static int fail(const char *what)
{
    fprintf(stderr, "shale-kv: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

/* ------------------------------------------------------------------------ a worker's list */

static void link_in(struct worker *worker, struct connection *connection)
{
    connection->after = worker->connections;
    if (connection->after)
        connection->after->before = connection;
    worker->connections = connection;
}

static void link_out(struct worker *worker, struct connection *connection)
{
    if (connection->after)
        connection->after->before = connection->before;
    if (connection->before)
        connection->before->after = connection->after;
    else
        worker->connections = connection->after;
}

static void end_connection(struct worker *worker, struct connection *connection)
{
    link_out(worker, connection);
    connection_close(worker->service, connection);
}

/* ------------------------------------------------------------------------------ its loop */

static void accept_one(struct worker *worker)
{
    int fd = net_accept(worker->listener);
    if (fd < 0)
        return;
    struct connection *connection = connection_open(worker->service, fd);
    if (!connection)
        return;
    link_in(worker, connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        end_connection(worker, connection);
}

static void serve(struct worker *worker, struct connection *connection)
{
    enum connection_state state = connection_serve(worker->service, connection);
    if (state == CONNECTION_OVER) {
        end_connection(worker, connection);
        return;
    }
    bool writes = state == CONNECTION_WRITES;
    if (writes == connection->wants_write)
        return;
    connection->wants_write = writes;
    struct epoll_event event = {.events = writes ? EPOLLOUT : EPOLLIN, .data.ptr = connection};
    epoll_ctl(worker->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

/* Nothing happens: reclaims, and lets the engine give free memory back. */
static void tidy(struct worker *worker)
{
    store_tidy(worker->service->store);
    shale_reclaim(UINT64_MAX, 0);
    worker->busy = false;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(worker->epoll, events, EVENTS, worker->busy ? IDLE_MS : -1);
        if (count == 0)
            tidy(worker);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &stop_mark)
                goto stopped;
            worker->busy = true;
            if (events[i].data.ptr == &listener_mark)
                accept_one(worker);
            else
                serve(worker, events[i].data.ptr);
        }
    }
stopped:
    while (worker->connections)
        end_connection(worker, worker->connections);
    tidy(worker);
    return NULL;
}

static bool watch(const struct worker *worker, int fd, uint32_t events, char *mark)
{
    struct epoll_event event = {.events = events, .data.ptr = mark};
    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool start_worker(struct worker *worker)
{
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    return worker->epoll >= 0 && watch(worker, worker->stop, EPOLLIN, &stop_mark) &&
           watch(worker, worker->listener, EPOLLIN | EPOLLEXCLUSIVE, &listener_mark) &&
           pthread_create(&worker->thread, NULL, work, worker) == 0;
}

/* ------------------------------------------------------------------------------ the server */

struct settings {
    const char *address;
    int port, threads;
    bool domains;
};

static uint64_t live_blocks(void)
{
    struct shale_stats stats = SHALE_STATS_INIT;
    return shale_stats_global(&stats, SHALE_STATS_EXACT) == 0 ? stats.live_blocks : 0;
}

static int serve_until_signal(struct service *service, const struct settings *settings,
                              const sigset_t *signals)
{
    static struct worker workers[THREADS_MAX];
    int signal, started = 0;
    int listener = net_listen(settings->address, settings->port, BACKLOG);
    int stop = listener < 0 ? -1 : eventfd(0, EFD_CLOEXEC);
    if (listener < 0 || stop < 0) {
        store_close(service->store);
        return fail("cannot listen");
    }
    while (started < settings->threads) {
        workers[started] = (struct worker){.service = service, .listener = listener, .stop = stop};
        if (!start_worker(&workers[started]))
            return fail("cannot start a thread");
        started++;
    }
    printf("port %d\n", net_port(listener));
    fflush(stdout);
    sigwait(signals, &signal);
    if (eventfd_write(stop, 1) != 0)
        return fail("cannot stop");
    for (int i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        close(workers[i].epoll);
    }
    close(listener);
    close(stop);
    return EXIT_SUCCESS;
}

static int run(const struct settings *settings)
{
    sigset_t signals;
    struct service service = {.domains = settings->domains};
    uint64_t before = live_blocks();
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    net_raise_limit();
    service.store = store_open();
    if (!service.store)
        return fail("cannot begin");
    int status = serve_until_signal(&service, settings, &signals);
    if (status != EXIT_SUCCESS)
        return status; /* threads may run */
    store_close(service.store);
    fprintf(stderr, "shale-kv: %lu commands of %lu connections; %ld blocks are left\n",
            atomic_load_explicit(&service.commands, memory_order_relaxed),
            atomic_load_explicit(&service.accepted, memory_order_relaxed),
            (long)(live_blocks() - before));
    return status;
}

static int usage(void)
{
    fputs("usage: shale-kv [-p PORT] [-l ADDRESS] [-t THREADS] [-m domains|blocks]\n", stderr);
    return USAGE;
}

int main(int argc, char **argv)
{
    struct settings settings = {.address = "127.0.0.1",
                                .port = 6380,
                                .threads = 2,
                                .domains = strcmp(shale_backend_name(), "slab") == 0};
    for (int option; (option = getopt(argc, argv, "p:l:t:m:")) != -1;) {
        switch (option) {
        case 'p':
            settings.port = (int)net_number(optarg, 0, 65535);
            break;
        case 'l':
            settings.address = optarg;
            break;
        case 't':
            settings.threads = (int)net_number(optarg, 1, THREADS_MAX);
            break;
        case 'm':
            settings.domains = strcmp(optarg, "domains") == 0;
            if (!settings.domains && strcmp(optarg, "blocks") != 0)
                return usage();
            break;
        default:
            return usage();
        }
    }
    if (optind != argc || settings.port < 0 || settings.threads < 0)
        return usage();
    return run(&settings);
}
