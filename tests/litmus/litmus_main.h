/* SPDX-License-Identifier: MIT */
/* main() of a litmus program: litmus_reset(), then all litmus_parts at once, in each round. */
#ifdef LITMUS_CHECKER
#define LITMUS_ROUNDS 1
#else
#define LITMUS_ROUNDS 2000
#endif

int main(void)
{
    enum { PARTS = sizeof litmus_parts / sizeof litmus_parts[0] };
    for (int round = 0; round < LITMUS_ROUNDS; round++) {
        pthread_t threads[PARTS];
        litmus_reset();
        for (int i = 0; i < PARTS; i++)
            if (pthread_create(&threads[i], NULL, litmus_parts[i], NULL) != 0)
                abort();
        for (int i = 0; i < PARTS; i++)
            pthread_join(threads[i], NULL);
    }
    return 0;
}
