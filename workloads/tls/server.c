/* SPDX-License-Identifier: MIT */
/*
 * shale-tls-server: a TLS 1.3 server that sends back what it gets.
 *
 * One thread and an epoll. A connection reads when it has nothing left to send, so that one that
 * does not read what it gets is not read from either. SIGTERM and SIGINT end it in order.
 *
 *   -p PORT  0: any that is free; the port is printed
 *   -c CERT, -k KEY  PEM files; else certificate.pem and key.pem beside this program
 *   -l ADDRESS  127.0.0.1                                  -v  tell of each connection on stderr
 *   -m malloc|domains  where connections have their memory; domains where Shale's backend is slab
 *   -g N  connections in one domain (16)
 */
#include <errno.h>
#include <getopt.h>
#include <shale/alloc.h>
#include <shale/epoch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <wolfssl/options.h>

#include <wolfssl/ssl.h>

#include "../common/net.h"
#include "scope.h"

enum {
    EVENTS = 256,
    RECORD = 16384, /* what a TLS record holds at most */
    BACKLOG = 4096,
    GROUP = 16,
    IDLE_MS = 100, /* without an event: the memory of closed connections goes back */
    TURNS = 16,    /* records of one connection before the others have theirs */
    USAGE = 64,
};

struct connection {
    int fd;
    bool greeted; /* the handshake is done */
    WOLFSSL *tls;
    struct scope *scope;
    unsigned char *pending; /* to be sent, in the scope; NULL: nothing */
    int pending_size;
    unsigned long echoed;
};

struct server {
    const char *address, *certificate, *key;
    int port;
    unsigned group;
    bool verbose;
    int listener, epoll, signals;
    WOLFSSL_CTX *context;
    bool closed; /* a connection, since the last idle moment */
    unsigned long accepted, failed, open;
};

static bool tell(const char *what)
{
    fprintf(stderr, "shale-tls-server: %s: %s\n", what, strerror(errno));
    return false;
}

/* -------------------------------------------------------------------------- a connection */

static void watch(const struct server *server, struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    epoll_ctl(server->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static void close_connection(struct server *server, struct connection *connection, const char *why)
{
    struct scope *scope = connection->scope;
    if (server->verbose)
        fprintf(stderr, "%d: %s after %lu bytes\n", connection->fd, why, connection->echoed);
    close(connection->fd);
    scope_enter(scope);
    scope_free(connection->pending);
    wolfSSL_free(connection->tls);
    scope_free(connection);
    scope_leave(scope);
    scope_give(scope);
    server->open--;
    server->closed = true;
}

static void open_connection(struct server *server, int fd)
{
    struct scope *scope;
    struct connection *connection = NULL;
    if (!scope_take(&scope)) {
        close(fd);
        return;
    }
    scope_enter(scope);
    WOLFSSL *tls = wolfSSL_new(server->context);
    if (tls)
        connection = scope_alloc(sizeof *connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (connection && wolfSSL_set_fd(tls, fd) == WOLFSSL_SUCCESS &&
        epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) == 0) {
        *connection = (struct connection){.fd = fd, .tls = tls, .scope = scope};
        server->accepted++;
        server->open++;
        scope_leave(scope);
        return;
    }
    server->failed++;
    scope_free(connection);
    wolfSSL_free(tls);
    close(fd);
    scope_leave(scope);
    scope_give(scope);
}

/* After a call that did not succeed: 0 to wait for what it wants, else it is over. */
static int wait_or_end(const struct server *server, struct connection *connection, int result)
{
    int error = wolfSSL_get_error(connection->tls, result);
    if (error == WOLFSSL_ERROR_WANT_READ) {
        watch(server, connection, EPOLLIN);
        return 0;
    }
    if (error == WOLFSSL_ERROR_WANT_WRITE) {
        watch(server, connection, EPOLLOUT);
        return 0;
    }
    return -1;
}

/* 1: all is sent; else as wait_or_end(). */
static int send_bytes(const struct server *server, struct connection *connection,
                      const unsigned char *bytes, int size)
{
    int sent = wolfSSL_write(connection->tls, bytes, size);
    if (sent == size) {
        connection->echoed += (unsigned)size;
        return 1;
    }
    return sent > 0 ? -1 : wait_or_end(server, connection, sent);
}

/* What could not be sent yet is kept, byte for byte, as TLS asks for. */
static int keep(struct connection *connection, const unsigned char *bytes, int size)
{
    connection->pending = scope_alloc((size_t)size);
    if (!connection->pending)
        return -1;
    memcpy(connection->pending, bytes, (size_t)size);
    connection->pending_size = size;
    return 0;
}

static int send_pending(const struct server *server, struct connection *connection)
{
    int done = send_bytes(server, connection, connection->pending, connection->pending_size);
    if (done != 1)
        return done;
    scope_free(connection->pending);
    connection->pending = NULL;
    watch(server, connection, EPOLLIN);
    return 1;
}

static int echo(const struct server *server, struct connection *connection)
{
    static unsigned char record[RECORD];
    for (int turn = 0; turn < TURNS; turn++) {
        int size = wolfSSL_read(connection->tls, record, sizeof record);
        if (size <= 0)
            return wait_or_end(server, connection, size);
        int done = send_bytes(server, connection, record, size);
        if (done != 1)
            return done < 0 ? -1 : keep(connection, record, size);
    }
    /* What wolfSSL has read already wakes nobody: come again when the socket can be written. */
    watch(server, connection, wolfSSL_pending(connection->tls) ? EPOLLOUT : EPOLLIN);
    return 0;
}

static int advance(const struct server *server, struct connection *connection)
{
    if (!connection->greeted) {
        int done = wolfSSL_accept(connection->tls);
        if (done != WOLFSSL_SUCCESS)
            return wait_or_end(server, connection, done);
        connection->greeted = true;
        watch(server, connection, EPOLLIN);
    }
    if (connection->pending) {
        int done = send_pending(server, connection);
        if (done != 1)
            return done;
    }
    return echo(server, connection);
}

static void serve(struct server *server, struct connection *connection)
{
    scope_enter(connection->scope);
    int over = advance(server, connection);
    scope_leave(connection->scope);
    if (over == 0)
        return;
    server->failed += !connection->greeted;
    close_connection(server, connection, connection->greeted ? "closed" : "no handshake");
}

/* ----------------------------------------------------------------------------- the server */

static void accept_all(struct server *server)
{
    for (int fd; (fd = net_accept(server->listener)) >= 0;)
        open_connection(server, fd);
}

/* True until a signal says that it is enough. */
static bool turn(struct server *server)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(server->epoll, events, EVENTS, server->closed ? IDLE_MS : -1);
    if (count == 0) {
        scope_tidy();
        server->closed = false;
    }
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == &server->signals)
            return false;
        if (events[i].data.ptr == &server->listener)
            accept_all(server);
        else
            serve(server, events[i].data.ptr);
    }
    return count >= 0 || errno == EINTR;
}

static bool watch_first(const struct server *server, int fd, const int *mark)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)mark};
    return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool start_network(struct server *server)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    net_raise_limit();
    server->signals = signalfd(-1, &set, SFD_CLOEXEC);
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->listener = net_listen(server->address, server->port, BACKLOG);
    if (server->listener < 0)
        return tell("cannot listen");
    if (!watch_first(server, server->signals, &server->signals) ||
        !watch_first(server, server->listener, &server->listener))
        return tell("epoll");
    return true;
}

static bool start_tls(struct server *server)
{
    if (!scope_start(server->group) || wolfSSL_Init() != WOLFSSL_SUCCESS)
        return tell("wolfSSL does not start");
    server->context = wolfSSL_CTX_new(wolfTLSv1_3_server_method());
    if (!server->context)
        return tell("no TLS 1.3");
    int groups[] = {WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1};
    wolfSSL_CTX_set_groups(server->context, groups, 2);
    /* No memory that outlives its connection. */
    wolfSSL_CTX_set_session_cache_mode(server->context, WOLFSSL_SESS_CACHE_OFF);
    wolfSSL_CTX_no_ticket_TLSv13(server->context);
    if (wolfSSL_CTX_use_certificate_chain_file(server->context, server->certificate) ==
            WOLFSSL_SUCCESS &&
        wolfSSL_CTX_use_PrivateKey_file(server->context, server->key, WOLFSSL_FILETYPE_PEM) ==
            WOLFSSL_SUCCESS)
        return true;
    fprintf(stderr, "shale-tls-server: cannot use '%s' and '%s'; PEM files are needed\n",
            server->certificate, server->key);
    return false;
}

static int usage(void)
{
    fputs("usage: shale-tls-server -p PORT [-c CERT] [-k KEY] [-l ADDRESS] [-m malloc|domains] "
          "[-g CONNECTIONS] [-v]\n",
          stderr);
    return USAGE;
}

/* Where the build has put a file: beside this program. */
static const char *beside(const char *file, char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);
    while (length > 0 && path[length - 1] != '/')
        length--;
    if (length <= 0 || (size_t)length + strlen(file) >= size)
        return file;
    memcpy(path + length, file, strlen(file) + 1);
    return path;
}

/* 0, or the status to end with. */
static int take_options(int argc, char **argv, struct server *server)
{
    bool domains = strcmp(shale_backend_name(), "slab") == 0;
    long group = GROUP;
    for (int option; (option = getopt(argc, argv, "p:c:k:l:m:g:v")) != -1;) {
        switch (option) {
        case 'p':
            server->port = (int)net_number(optarg, 0, 65535);
            break;
        case 'c':
            server->certificate = optarg;
            break;
        case 'k':
            server->key = optarg;
            break;
        case 'l':
            server->address = optarg;
            break;
        case 'm':
            domains = strcmp(optarg, "domains") == 0;
            if (!domains && strcmp(optarg, "malloc") != 0)
                return usage();
            break;
        case 'g':
            group = net_number(optarg, 1, 100000);
            break;
        case 'v':
            server->verbose = true;
            break;
        default:
            return usage();
        }
    }
    server->group = domains ? (unsigned)group : 0;
    return optind == argc && server->port >= 0 && group > 0 ? 0 : usage();
}

int main(int argc, char **argv)
{
    static struct server server = {.address = "127.0.0.1", .port = -1};
    int status = take_options(argc, argv, &server);
    if (status != 0)
        return status;
    static char certificate[4096], key[4096];
    if (!server.certificate)
        server.certificate = beside("certificate.pem", certificate, sizeof certificate);
    if (!server.key)
        server.key = beside("key.pem", key, sizeof key);
    if (!start_tls(&server) || !start_network(&server))
        return EXIT_FAILURE;
    printf("port %d\n", net_port(server.listener));
    fflush(stdout);
    while (turn(&server))
        continue;
    fprintf(stderr, "%lu accepted, %lu without a handshake, %lu still open\n", server.accepted,
            server.failed, server.open);
    wolfSSL_CTX_free(server.context);
    wolfSSL_Cleanup();
    return EXIT_SUCCESS;
}
