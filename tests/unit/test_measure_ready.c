/* SPDX-License-Identifier: MIT */
#include "measure/ready.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

static struct ready parse(const char *text)
{
    struct ready ready;
    char reason[256] = "";
    assert_int_equal(ready_parse(text, &ready, reason, sizeof reason), 0);
    return ready;
}

static void parse_each_form_is_understood(void **state)
{
    assert_int_equal(parse(NULL).kind, READY_AT_ONCE);
    struct ready ready = parse("TCP:6379");
    assert_int_equal(ready.kind, READY_TCP);
    assert_string_equal(ready.host, "127.0.0.1");
    assert_string_equal(ready.port, "6379");
    ready = parse("TCP:::1:80");
    assert_string_equal(ready.host, "::1");
    assert_string_equal(ready.port, "80");
    ready = parse("0.5");
    assert_int_equal(ready.kind, READY_SECONDS);
    assert_float_equal(ready.seconds, 0.5, 0);
    assert_string_equal(parse("FILE:/tmp/x").path, "/tmp/x");
    assert_string_equal(parse("/tmp/x").path, "/tmp/x");
}

static void parse_bad_forms_are_refused(void **state)
{
    const char *const bad[] = {"TCP:", "TCP:x", "TCP:0", "TCP:70000", "TCP:1x", "", "FILE:"};
    for (size_t i = 0; i < SHALE_ARRAY_LENGTH(bad); i++) {
        struct ready ready;
        char reason[256] = "";
        assert_int_equal(ready_parse(bad[i], &ready, reason, sizeof reason), SHALE_EINVAL);
        assert_true(reason[0] != '\0');
    }
}

/* A listening socket on a port the kernel chose. */
static int listen_somewhere(char *option, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_return_code(listen(fd, 5), 0);
    assert_return_code(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(option, size, "TCP:%d", ntohs(address.sin_port));
    return fd;
}

static void tcp_a_served_port_is_busy_before_and_ready_after(void **state)
{
    char option[32];
    int fd = listen_somewhere(option, sizeof option);
    struct ready ready = parse(option);
    assert_int_equal(ready_begin(&ready), SHALE_EBUSY);
    assert_true(ready_check(&ready));
    close(fd);
    assert_int_equal(ready_begin(&ready), 0);
    assert_false(ready_check(&ready));
}

static void file_left_over_is_not_ready_until_written_again(void **state)
{
    char path[] = "/tmp/shale-test-ready-XXXXXX";
    int fd = mkstemp(path);
    assert_return_code(fd, 0);
    struct ready ready = parse(path);
    assert_int_equal(ready_begin(&ready), 0);
    assert_false(ready_check(&ready));
    const struct timespec later[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_return_code(futimens(fd, later), 0);
    assert_true(ready_check(&ready));
    unlink(path);
    assert_int_equal(ready_begin(&ready), 0);
    assert_false(ready_check(&ready));
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_true(ready_check(&ready));
    unlink(path);
    close(fd);
}

static void seconds_pass(void **state)
{
    struct ready ready = parse("0.05");
    assert_int_equal(ready_begin(&ready), 0);
    assert_false(ready_check(&ready));
    usleep(60000);
    assert_true(ready_check(&ready));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(parse_each_form_is_understood),
    cmocka_unit_test(parse_bad_forms_are_refused),
    cmocka_unit_test(tcp_a_served_port_is_busy_before_and_ready_after),
    cmocka_unit_test(file_left_over_is_not_ready_until_written_again),
    cmocka_unit_test(seconds_pass),
};

RUN_TESTS("measure_ready")
