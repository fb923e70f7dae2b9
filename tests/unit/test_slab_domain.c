/* SPDX-License-Identifier: MIT */
/* Domains: nesting, closing by the last one out, quotas along parents, misuse. */
#include "epochs.h"

#include <shale/domain.h>

enum { QUOTA = 4 << 20 };

static shale_domain *make(const struct shale_domain_options *options)
{
    shale_domain *domain = NULL;
    assert_int_equal(shale_domain_create(options, &domain), 0);
    assert_non_null(domain);
    return domain;
}

static struct shale_domain_info info_of(const shale_domain *domain)
{
    struct shale_domain_info info;
    shale_domain_query(domain, &info);
    return info;
}

static void domain_entered_is_current_until_left(void **state)
{
    shale_domain *outer = make(NULL);
    shale_domain *inner = make(NULL);
    (void)state;
    assert_null(shale_domain_current());
    assert_int_equal(shale_domain_enter(outer), 0);
    assert_ptr_equal(shale_domain_current(), outer);
    assert_int_equal(shale_domain_enter(inner), 0);
    assert_ptr_equal(shale_domain_current(), inner);
    assert_int_equal(shale_domain_exit(outer), SHALE_EINVAL);
    assert_int_equal(shale_domain_exit(inner), 0);
    assert_int_equal(shale_domain_exit(inner), SHALE_EINVAL);
    assert_ptr_equal(shale_domain_current(), outer);
    {
        SHALE_DOMAIN_SCOPE(inner);
        SHALE_DOMAIN_SCOPE(inner);
        assert_ptr_equal(shale_domain_current(), inner);
        assert_int_equal(info_of(inner).inside, 2);
    }
    assert_ptr_equal(shale_domain_current(), outer);
    assert_int_equal(shale_domain_destroy(outer), SHALE_EBUSY);
    assert_int_equal(shale_domain_exit(outer), 0);
    assert_int_equal(shale_domain_destroy(outer), 0);
    assert_int_equal(info_of(inner).entered, 3);
    assert_int_equal(shale_domain_destroy(inner), 0);
    assert_nothing_left();
}

static void domain_nests_32_deep(void **state)
{
    shale_domain *domain = make(NULL);
    (void)state;
    for (int i = 0; i < SHALE_DOMAIN_DEPTH_MAX; i++)
        assert_int_equal(shale_domain_enter(domain), 0);
    assert_int_equal(shale_domain_enter(domain), SHALE_ERANGE);
    for (int i = 0; i < SHALE_DOMAIN_DEPTH_MAX; i++)
        assert_int_equal(shale_domain_exit(domain), 0);
    assert_int_equal(shale_domain_exit(domain), SHALE_EINVAL);
    assert_int_equal(shale_domain_destroy(domain), 0);
    assert_nothing_left();
}

static void domain_auto_close_by_the_last_one_out(void **state)
{
    struct shale_domain_options options = {.close = SHALE_EPOCH_DISCARD, .auto_close = true};
    shale_domain *domain = make(&options);
    (void)state;
    assert_int_equal(shale_domain_enter(domain), 0);
    assert_int_equal(shale_domain_enter(domain), 0);
    assert_non_null(shale_domain_alloc(domain, 100));
    assert_int_equal(shale_domain_exit(domain), 0);
    assert_non_null(shale_domain_calloc(domain, 10, 10));
    assert_true(info_of(domain).open);
    assert_int_equal(shale_domain_exit(domain), 0);
    assert_false(info_of(domain).open);
    errno = 0;
    assert_null(shale_domain_alloc(domain, 100));
    assert_int_equal(errno, ESTALE);
    assert_int_equal(shale_domain_enter(domain), SHALE_ESTALE);
    assert_int_equal(info_of(domain).inside, 0);
    assert_int_equal(shale_domain_destroy(domain), 0);
    assert_nothing_left();
}

struct told {
    int times;
    shale_domain *domain;
    size_t size;
    void *block;
};

/* May do everything, also allocate. */
static void tell(shale_domain *domain, size_t size, void *context)
{
    struct told *told = context;
    told->times++;
    told->domain = domain;
    told->size = size;
    shale_epoch_free(told->block);
    told->block = NULL;
    slab_free(slab_malloc(100));
}

static void domain_quota_refuses_and_tells(void **state)
{
    static const size_t sizes[] = {64, 5000, 30000, 300000, 1500000};
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        for (size_t s = 0; s < 5; s++) {
            struct told told = {0};
            struct shale_domain_options options = {.kind = kind == 0 ? SHALE_EPOCH_SLAB
                                                                     : SHALE_EPOCH_REGION,
                                                   .close = SHALE_EPOCH_DISCARD,
                                                   .quota_bytes = QUOTA,
                                                   .refused = tell,
                                                   .context = &told};
            shale_domain *domain = make(&options);
            size_t bytes = 0;
            void *block;
            while ((block = shale_domain_alloc(domain, sizes[s])) != NULL)
                bytes += sizes[s];
            assert_int_equal(errno, ENOMEM);
            assert_true(bytes <= QUOTA && bytes >= QUOTA / 4);
            assert_int_equal(told.times, 1);
            assert_ptr_equal(told.domain, domain);
            assert_int_equal(told.size, sizes[s]);
            assert_int_equal(info_of(domain).refused, 1);
            assert_true(info_of(domain).used_bytes <= QUOTA);
            assert_int_equal(shale_domain_force_close(domain, 0), 0);
            assert_int_equal(info_of(domain).used_bytes, 0);
            assert_int_equal(shale_domain_destroy(domain), 0);
        }
    }
    assert_nothing_left();
}

static void domain_quota_of_a_parent_holds_for_children(void **state)
{
    struct told told = {0};
    struct shale_domain_options options = {.quota_bytes = QUOTA, .refused = tell, .context = &told};
    shale_domain *parent = make(&options);
    struct shale_domain_options child = {.parent = parent, .close = SHALE_EPOCH_DISCARD};
    shale_domain *children[3] = {make(&child), make(&child), make(&child)};
    size_t bytes = 0;
    (void)state;
    for (int i = 0; shale_domain_alloc(children[i % 3], 8192) != NULL; i++)
        bytes += 8192;
    assert_true(bytes <= QUOTA && bytes > QUOTA / 2);
    assert_ptr_equal(told.domain, parent);
    assert_int_equal(info_of(parent).children, 3);
    assert_int_equal(shale_domain_destroy(parent), SHALE_EBUSY);
    assert_int_equal(shale_domain_force_close(children[0], 0), 0);
    assert_non_null(shale_domain_alloc(children[1], 8192));
    for (int i = 0; i < 3; i++)
        assert_int_equal(shale_domain_destroy(children[i]), 0);
    assert_int_equal(info_of(parent).used_bytes, 0);
    assert_int_equal(shale_domain_destroy(parent), 0);
    assert_nothing_left();
}

/* The epoch drains on when its domain is gone, and charges nobody. */
static void domain_parents_outlive_children(void **state)
{
    shale_domain *parent = make(NULL);
    struct shale_domain_options child = {.parent = parent};
    shale_domain *domain = make(&child);
    (void)state;
    void *small = shale_domain_alloc(domain, 100);
    void *large = shale_domain_alloc(domain, 3000000);
    assert_true(info_of(parent).used_bytes >= 3000000);
    assert_int_equal(shale_domain_destroy(domain), 0);
    assert_int_equal(info_of(parent).used_bytes, 0);
    memset(small, 1, 100);
    memset(large, 1, 3000000);
    shale_epoch_free(small);
    shale_epoch_free(large);
    assert_int_equal(info_of(parent).used_bytes, 0);
    assert_int_equal(shale_domain_force_close(parent, 0), 0);
    child.parent = parent;
    assert_int_equal(shale_domain_create(&child, &domain), SHALE_ESTALE);
    assert_int_equal(shale_domain_destroy(parent), 0);
    assert_nothing_left();
}

static void domain_over_an_epoch_of_somebody_else(void **state)
{
    shale_epoch epoch = open_plain();
    shale_domain *domain = NULL;
    (void)state;
    assert_int_equal(shale_domain_wrap(epoch, &domain), 0);
    assert_true(shale_domain_epoch(domain) == epoch);
    assert_int_equal(shale_domain_enter(domain), 0);
    shale_epoch of = 0;
    assert_int_equal(shale_epoch_of(shale_domain_alloc(shale_domain_current(), 9), &of), 0);
    assert_true(of == epoch);
    assert_int_equal(shale_domain_exit(domain), 0);
    assert_int_equal(shale_domain_force_close(domain, 0), SHALE_EPERM);
    assert_int_equal(shale_domain_destroy(domain), 0);
    assert_non_null(shale_epoch_alloc(epoch, 9));
    assert_int_equal(shale_epoch_close(epoch, SHALE_EPOCH_DISCARD, 0), 0);
    assert_int_equal(shale_domain_wrap(epoch, &domain), SHALE_ESTALE);
    assert_nothing_left();
}

static void *use_and_leave(void *argument)
{
    shale_domain *domain = argument;
    for (int i = 0; i < 200; i++) {
        SHALE_DOMAIN_SCOPE(domain);
        for (int j = 0; j < 50; j++) {
            char *block = shale_domain_alloc(shale_domain_current(), 200);
            if (block == NULL)
                return (void *)1;
            memset(block, j, 200);
            if (j % 2 == 0)
                shale_epoch_free(block);
        }
    }
    return NULL;
}

static void domain_many_threads_inside(void **state)
{
    enum { THREADS = 4 };
    struct shale_domain_options options = {.close = SHALE_EPOCH_DISCARD, .auto_close = true};
    (void)state;
    for (int round = 0; round < 10; round++) {
        pthread_t threads[THREADS];
        shale_domain *domain = make(&options);
        assert_int_equal(shale_domain_enter(domain), 0);
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, use_and_leave, domain), 0);
        for (int i = 0; i < THREADS; i++) {
            void *result = NULL;
            pthread_join(threads[i], &result);
            assert_null(result);
        }
        assert_true(info_of(domain).open);
        assert_int_equal(shale_domain_exit(domain), 0);
        assert_false(info_of(domain).open);
        assert_int_equal(shale_domain_destroy(domain), 0);
    }
    assert_nothing_left();
}

static void *enter_and_end(void *argument)
{
    return shale_domain_enter(argument) == 0 && shale_domain_alloc(argument, 50) != NULL
               ? NULL
               : (void *)1;
}

static void domain_left_by_the_end_of_a_thread(void **state)
{
    struct shale_domain_options options = {.close = SHALE_EPOCH_DISCARD, .auto_close = true};
    shale_domain *domain = make(&options);
    (void)state;
    in_thread(enter_and_end, domain);
    assert_int_equal(info_of(domain).inside, 0);
    assert_false(info_of(domain).open);
    assert_int_equal(shale_domain_destroy(domain), 0);
    assert_nothing_left();
}

static void domain_closed_with_threads_inside(void **state)
{
    shale_domain *domain = make(NULL);
    (void)state;
    assert_int_equal(shale_domain_enter(domain), 0);
    void *block = shale_domain_alloc(domain, 10);
    assert_int_equal(shale_domain_force_close(domain, 0), 0);
    assert_null(shale_domain_alloc(domain, 10));
    shale_epoch_free(block);
    assert_int_equal(shale_domain_destroy(domain), SHALE_EBUSY);
    assert_int_equal(shale_domain_exit(domain), 0);
    assert_int_equal(shale_domain_destroy(domain), 0);
    assert_nothing_left();
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(domain_entered_is_current_until_left),
    cmocka_unit_test(domain_nests_32_deep),
    cmocka_unit_test(domain_auto_close_by_the_last_one_out),
    cmocka_unit_test(domain_quota_refuses_and_tells),
    cmocka_unit_test(domain_quota_of_a_parent_holds_for_children),
    cmocka_unit_test(domain_parents_outlive_children),
    cmocka_unit_test(domain_over_an_epoch_of_somebody_else),
    cmocka_unit_test(domain_many_threads_inside),
    cmocka_unit_test(domain_left_by_the_end_of_a_thread),
    cmocka_unit_test(domain_closed_with_threads_inside),
};

RUN_TESTS("slab_domain")
