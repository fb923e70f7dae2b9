/* SPDX-License-Identifier: MIT */
/* A transaction and a query in it: the query's quota is its own and the transaction's. */
#include <shale/shale.h>
#include <stdio.h>

static void refused(shale_domain *domain, size_t size, void *context)
{
    (void)domain;
    printf("%s: %zu bytes are too many\n", (const char *)context, size);
}

static shale_domain *make(shale_domain *parent, size_t quota, const char *name)
{
    struct shale_domain_options options = {.close = SHALE_EPOCH_DISCARD,
                                           .parent = parent,
                                           .quota_bytes = quota,
                                           .refused = refused,
                                           .context = (void *)name,
                                           .label = name};
    shale_domain *domain = NULL;
    return shale_domain_create(&options, &domain) == 0 ? domain : NULL;
}

int main(void)
{
    shale_domain *transaction = make(NULL, 8 << 20, "transaction");
    shale_domain *query = make(transaction, 1 << 20, "query");
    if (transaction == NULL || query == NULL)
        return 1;
    {
        SHALE_DOMAIN_SCOPE(transaction);
        int *rows = shale_domain_calloc(shale_domain_current(), 1000, sizeof(*rows));
        {
            SHALE_DOMAIN_SCOPE(query);
            void *index = shale_domain_alloc(shale_domain_current(), 4 << 20);
            printf("index: %s\n", index == NULL ? "not built" : "built?");
        }
        shale_domain_destroy(query); /* its blocks are gone, the transaction's are not */
        printf("rows[999] = %d\n", rows[999]);
    }
    return shale_domain_destroy(transaction);
}
