/* Words of a command, and text straight to the link. */
#ifndef FW_BENCHMARK_TEXT_H
#define FW_BENCHMARK_TEXT_H

#include <stdint.h>

/* A part of a command: not zero-terminated. */
typedef struct {
  const char *text;
  uint32_t count;
} fw_word_t;

/* The next word of [*at, end), separated by spaces; count 0 when there is none. */
fw_word_t fw_word_next(const char **at, const char *end);

int fw_word_is(fw_word_t word, const char *text);

/* 1 and *value for decimal digits that fit 31 bits, else 0. */
int fw_word_number(fw_word_t word, uint32_t *value);

/* 0 … 15, or -1 for a character that is no hexadecimal digit. */
int fw_hex_digit(char character);

void fw_say(const char *text);
void fw_say_word(fw_word_t word);
void fw_say_number(uint64_t value);
void fw_say_hex(uint8_t byte);
void fw_say_float(float value);

#endif
