/* Fuzzing without libFuzzer: inputs at random and mutants of those that reached something new, for so long.
 *
 *     fuzz SEED SECONDS [CORPUS]   fuzz; new inputs are saved in the folder CORPUS
 *     fuzz - FILE ...              run these inputs
 *
 * Compiled with gcc -fsanitize-coverage=trace-pc (this file without it). Prints how many inputs were run, how many were
 * kept. An input that ends the process, or takes seconds, is left in finding.bin of the working folder. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);
void __sanitizer_cov_trace_pc(void);
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

enum { SLOWEST_S = 10, LONGEST = 512, KEPT = 4096, PLACES = 1 << 16 };

static struct { size_t count; uint8_t bytes[LONGEST]; } kept[KEPT], one;
static size_t kept_count;
static uint8_t reached[PLACES], now[PLACES];
static uintptr_t before;
static uint64_t state;

/* An edge is where it is from and where it goes, hashed, as AFL does; how often counts by powers of two. */
void __sanitizer_cov_trace_pc(void) {
    const uintptr_t here = (uintptr_t)__builtin_return_address(0);
    const uintptr_t place = (here ^ here >> 12 ^ before << 1) % PLACES;

    if (now[place] < 255) now[place]++;
    before = here ^ here >> 12;
}

static uint32_t random32(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static int is_new(void) {
    int found = 0;

    for (size_t i = 0; i < PLACES; i++) {
        uint8_t level = 0;

        if (!now[i]) continue;
        while (now[i] >> level) level++;
        if (!(reached[i] >> (level - 1) & 1)) found = 1;
        reached[i] |= (uint8_t)(1 << (level - 1));
    }
    return found;
}

static void make(void) {
    if (kept_count == 0 || random32() % 8 == 0) {
        one.count = random32() % LONGEST;
        for (size_t i = 0; i < one.count; i++) one.bytes[i] = (uint8_t)random32();
        return;
    }
    one = kept[random32() % kept_count];
    for (uint32_t times = 1 + random32() % 6; times; times--) {
        const size_t at = one.count ? random32() % one.count : 0;

        switch (random32() % 4) {
        case 0: one.bytes[at] = (uint8_t)random32(); break;
        case 1: one.bytes[at] ^= (uint8_t)(1u << random32() % 8); break;
        case 2: one.count = at; break;
        default: /* the rest of another */
            if (kept[at % kept_count].count > at) {
                one.count = kept[at % kept_count].count;
                memcpy(one.bytes + at, kept[at % kept_count].bytes + at, one.count - at);
            } else if (one.count < LONGEST) {
                one.bytes[one.count++] = (uint8_t)random32();
            }
        }
    }
}

static void write_file(const char *path) {
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(one.bytes, 1, one.count, file) != one.count || fclose(file)) exit(2);
}

static void leave(int why) {
    write_file("finding.bin");
    signal(why, SIG_DFL);
    raise(why);
}

const char *__asan_default_options(void) { return "abort_on_error=1"; }
const char *__ubsan_default_options(void) { return "abort_on_error=1"; }

static void run(void) {
    alarm(SLOWEST_S);
    memset(now, 0, sizeof now);
    before = 0;
    LLVMFuzzerTestOneInput(one.bytes, one.count);
}

static int run_files(int count, char **paths) {
    for (int i = 0; i < count; i++) {
        FILE *file = fopen(paths[i], "rb");
        static uint8_t bytes[1 << 20];

        if (!file) return 2;
        LLVMFuzzerTestOneInput(bytes, fread(bytes, 1, sizeof bytes, file));
        fclose(file);
    }
    printf("%d inputs\n", count);
    return 0;
}

int main(int count, char **words) {
    unsigned long inputs = 0;
    time_t end;

    if (count < 3) return 2;
    if (words[1][0] == '-') return run_files(count - 2, words + 2);
    state = 0x9E3779B97F4A7C15u + strtoull(words[1], 0, 10);
    signal(SIGABRT, leave);
    signal(SIGALRM, leave);
    end = time(0) + atoi(words[2]);
    for (; time(0) < end; inputs++) {
        make();
        run();
        if (is_new() && kept_count < KEPT) {
            if (count > 3) {
                char path[4096];

                snprintf(path, sizeof path, "%s/%zu.bin", words[3], kept_count);
                write_file(path);
            }
            kept[kept_count++] = one;
        }
    }
    printf("%lu inputs, %zu kept\n", inputs, kept_count);
    return 0;
}
