/* SPDX-License-Identifier: MIT */
/* Which allocator serves this program, proven; and the machine it runs on. */
#include <shale/shale.h>
#include <stdio.h>

int main(void)
{
    struct shale_system info = SHALE_SYSTEM_INIT;
    int error = shale_system_info(&info);
    if (error) {
        fprintf(stderr, "system_info: %s\n", shale_strerror(error));
        return 1;
    }
    printf("backend %s %s, %s\n", shale_backend_name(), shale_backend_version(),
           info.verified == SHALE_VERIFIED_YES  ? "verified"
           : info.verified == SHALE_VERIFIED_NO ? "NOT serving"
                                                : "not verifiable");
    printf("%u processors, pages of %llu bytes\n", info.cpu_count,
           (unsigned long long)info.page_bytes);
    return 0;
}
