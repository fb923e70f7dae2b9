/* SPDX-License-Identifier: MIT */
/* A request has a domain: whatever was allocated for it is gone when the scope is left. */
#include <errno.h>
#include <shale/shale.h>
#include <stdio.h>
#include <string.h>

struct request {
    char *path;
    char *answer;
};

static void handle(shale_domain *domain, const char *path)
{
    SHALE_DOMAIN_SCOPE(domain);
    struct request *request = shale_domain_alloc(domain, sizeof(*request));
    request->path = shale_domain_alloc(domain, strlen(path) + 1);
    request->answer = shale_domain_alloc(domain, 1000);
    memcpy(request->path, path, strlen(path) + 1);
    snprintf(request->answer, 1000, "no such file: %s", request->path);
    puts(request->answer);
    char *copy = shale_strdup(path); /* from the domain, where it is implicit */
    shale_epoch of = 0;
    int known = shale_epoch_of(copy, &of) == 0 && of == shale_domain_epoch(domain);
    printf("strdup: %s\n", known ? "gone with the request" : "freed by hand");
    if (!known)
        shale_free(copy);
} /* the last one out closes the domain */

int main(void)
{
    struct shale_domain_options options = {.kind = SHALE_EPOCH_REGION,
                                           .label = "request",
                                           .quota_bytes = 1 << 20,
                                           .auto_close = true,
                                           .implicit = true};
    shale_domain *domain;
    int error = shale_domain_create(&options, &domain);
    if (error == SHALE_ENOTSUP) { /* another backend serves shale_alloc */
        options.implicit = false;
        error = shale_domain_create(&options, &domain);
    }
    if (error != 0)
        return 1;
    handle(domain, "/index.html");
    errno = 0;
    void *late = shale_domain_alloc(domain, 10);
    printf("afterwards: %s\n", late == NULL && errno == ESTALE ? "closed" : "open?");
    return shale_domain_destroy(domain);
}
