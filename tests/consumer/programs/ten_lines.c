#include <shale/shale.h>
#include <stdio.h>
int main(void)
{
    char *name = shale_strdup(shale_backend_name());
    int *numbers = SHALE_NEW_ARRAY(int, 10);
    void *node = shale_alloc_node(100);
    if (!name || !numbers || !node || puts(name) < 0)
        return 1;
    shale_free(node), shale_free(numbers), shale_free(name);
    return 0;
}
