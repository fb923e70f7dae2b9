#include <shale/shale.h>
#include <cstdio>
struct alignas(64) line { char bytes[64]; };
int main()
{
    char *name = shale_strdup(shale_backend_name());
    line *lines = SHALE_NEW_ARRAY(line, 10);
    if (!name || !lines || std::puts(name) < 0)
        return 1;
    shale_free(lines), shale_free(name);
}
