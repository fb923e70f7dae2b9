/* SPDX-License-Identifier: MIT */
/*
 * C++ from four threads: exceptions thrown through frames full of objects, over-aligned arrays,
 * containers, and the three ways that an impossible new[] fails. Prints "well".
 */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct alignas(256) Wide {
    char bytes[300];
};

static size_t fall(size_t depth)
{
    std::string text(depth * 3 + 40, 'x');
    if (depth == 0)
        throw std::runtime_error(text);
    std::vector<std::string> many(depth, text);
    return fall(depth - 1) + many.size();
}

static void check(bool condition)
{
    if (!condition)
        std::abort();
}

static void work()
{
    for (size_t i = 0; i < 2000; i++) {
        try {
            fall(i % 30);
        } catch (const std::exception &error) {
            check(std::string(error.what()).size() == 40);
        }
        std::unique_ptr<Wide[]> wide(new Wide[i % 7 + 1]);
        check(reinterpret_cast<std::uintptr_t>(wide.get()) % 256 == 0);
        std::map<std::string, size_t> names;
        for (size_t j = 0; j < 20; j++)
            names[std::to_string(j * i + j) + std::string(30, 'a')] = j;
        check(names.size() == 20);
    }
}

static void fail_to_allocate()
{
    volatile size_t most = SIZE_MAX / 2;
    int failures = 0;
    try {
        delete[] new char[most];
    } catch (const std::bad_array_new_length &) {
    } catch (const std::bad_alloc &) {
        failures++;
    }
    try {
        delete[] new int[most];
    } catch (const std::bad_array_new_length &) {
        failures++;
    }
    failures += new (std::nothrow) char[most] == nullptr;
    check(failures == 3);
}

static void use_much()
{
    const size_t size = 100u << 20;
    std::unique_ptr<char[]> much(new char[size]);
    for (size_t i = 0; i < size; i += 4096)
        much[i] = static_cast<char>(i >> 12);
    for (size_t i = 0; i < size; i += 4096)
        check(much[i] == static_cast<char>(i >> 12));
}

int main()
{
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back(work);
    for (auto &thread : threads)
        thread.join();
    fail_to_allocate();
    use_much();
    std::puts("well");
}
