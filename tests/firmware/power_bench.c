/* The power sensors' drivers as a program: commands come on stdin, answers go to stdout, and so does every transfer on
 * the I2C bus, whose answer comes on stdin again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal.h"
#include "power.h"

static char line[256], board[64] = "none";

static char *next_line(void) {
    if (!fgets(line, sizeof line, stdin)) exit(0);
    line[strcspn(line, "\n")] = 0;
    return line;
}

const char *hal_board(void) { return board; }

bool hal_i2c(uint8_t device, const uint8_t *out, size_t out_count, uint8_t *in, size_t in_count) {
    const char *answer;

    printf("i2c %u ", device);
    for (size_t i = 0; i < out_count; i++) printf("%02x", out[i]);
    printf(" %zu\n", in_count);
    fflush(stdout);
    answer = next_line();
    if (*answer == '!') return false;
    for (size_t i = 0; i < in_count; i++) {
        const char digits[3] = {answer[2 * i], answer[2 * i + 1], 0};

        in[i] = (uint8_t)strtoul(digits, 0, 16);
    }
    return true;
}

static void print_rails(size_t room) {
    uint8_t *table = malloc(room ? room : 1);
    const size_t count = power_rails(table, room);

    printf("= ");
    for (size_t i = 0; i < count; i++) printf("%02x", table[i]);
    printf("\n");
    free(table);
}

static void print_sample(uint8_t rail) {
    struct power_sample sample = {0, 0};
    const uint8_t status = power_sample(rail, &sample);

    printf("= %u %d %d\n", status, sample.microvolts, sample.microamperes);
}

int main(void) {
    for (;;) {
        const char *command = next_line(), *word = strchr(command, ' ');

        word = word ? word + 1 : "";
        if (*command == 'b' && strlen(word) < sizeof board) printf("= %s\n", strcpy(board, word));
        else if (*command == 'c') printf("= %u\n", power_count());
        else if (*command == 's') printf("= %u\n", power_begin());
        else if (*command == 'r') print_rails(strtoul(word, 0, 10));
        else if (*command == 'p') print_sample((uint8_t)strtoul(word, 0, 10));
        else return 1;
        fflush(stdout);
    }
}
