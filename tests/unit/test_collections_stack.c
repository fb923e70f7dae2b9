/* SPDX-License-Identifier: MIT */
/* The stack: order, what is left at the end, and many threads that lose and double nothing. */
#include <shale/stack.h>

#include "mpmc.h"
#include "test.h"

static struct shale_stack *make_stack(const struct shale_stack_options *options)
{
    struct shale_stack *stack = NULL;
    assert_int_equal(shale_stack_create(options, &stack), 0);
    return stack;
}

static void items_come_out_last_first(void **state)
{
    struct shale_stack *stack = make_stack(NULL);
    uint64_t item;
    assert_int_equal(shale_stack_try_pop(stack, &item), SHALE_EEMPTY);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(shale_stack_push(stack, UINT64_MAX - i), 0);
    for (uint64_t i = 1000; i-- > 0;) {
        assert_int_equal(shale_stack_try_pop(stack, &item), 0);
        assert_int_equal(item, UINT64_MAX - i);
    }
    assert_int_equal(shale_stack_try_pop(stack, &item), SHALE_EEMPTY);
    shale_stack_destroy(stack);
    shale_stack_destroy(NULL);
}

static void count_item(uint64_t item, void *context)
{
    uint64_t *next = context;
    assert_int_equal(item, --*next);
}

static void destroy_calls_destructor_once_each(void **state)
{
    uint64_t next = 10;
    struct shale_stack_options options = {.destroy_item = count_item, .context = &next};
    struct shale_stack *stack = make_stack(&options);
    for (uint64_t i = 0; i < 10; i++)
        assert_int_equal(shale_stack_push(stack, i), 0);
    shale_stack_destroy(stack);
    assert_int_equal(next, 0);
}

struct shared {
    struct shale_stack *stack;
    _Atomic bool closed;
};

static int push(void *shared, uint64_t item)
{
    return shale_stack_push(((struct shared *)shared)->stack, item);
}

/* Closed is read first: what was pushed before is seen then. */
static int pop(void *argument, uint64_t *item)
{
    struct shared *shared = argument;
    for (;;) {
        bool closed = atomic_load(&shared->closed);
        int result = shale_stack_try_pop(shared->stack, item);
        if (result != SHALE_EEMPTY || closed)
            return result;
        sched_yield();
    }
}

static void shut(void *shared)
{
    atomic_store(&((struct shared *)shared)->closed, true);
}

static void run_crowd(enum shale_smr_scheme scheme, unsigned threads, uint64_t items)
{
    struct shale_smr_options smr = SHALE_SMR_OPTIONS_INIT;
    struct shale_stack_options options = {0};
    smr.scheme = scheme;
    smr.bag_size = 8;
    assert_int_equal(shale_smr_create(&smr, &options.domain), 0);
    struct shared shared = {.stack = make_stack(&options)};
    struct mpmc test = {.object = &shared,
                        .producers = threads,
                        .consumers = threads,
                        .items = items,
                        .any_order = true,
                        .put = push,
                        .get = pop,
                        .close = shut};
    assert_null(mpmc_run(&test));
    shale_stack_destroy(shared.stack);
    assert_int_equal(shale_smr_destroy(options.domain), 0);
}

static void stack_many_threads_lose_nothing(void **state)
{
    run_crowd(SHALE_SMR_EBR, 4, 20000);
    run_crowd(SHALE_SMR_IBR, 4, 20000);
}

static void stack_oversubscribed_eight_times_loses_nothing(void **state)
{
    run_crowd(SHALE_SMR_IBR, 8, 5000);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(items_come_out_last_first),
    cmocka_unit_test(destroy_calls_destructor_once_each),
    cmocka_unit_test(stack_many_threads_lose_nothing),
    cmocka_unit_test(stack_oversubscribed_eight_times_loses_nothing),
};

RUN_TESTS("collections_stack")
