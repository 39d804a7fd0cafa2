#include "benchmark/text.h"

#include <string.h>

#include "fw_float.h"
#include "fw_port.h"
#include "link/json.h"

fw_word_t fw_word_next(const char **at, const char *end) {
  const char *from = *at;
  while (from < end && *from == ' ') from++;
  const char *to = from;
  while (to < end && *to != ' ') to++;
  *at = to;
  return (fw_word_t){from, (uint32_t)(to - from)};
}

int fw_word_is(fw_word_t word, const char *text) {
  return strlen(text) == word.count && memcmp(word.text, text, word.count) == 0;
}

int fw_word_number(fw_word_t word, uint32_t *value) {
  uint32_t sum = 0;
  if (word.count == 0u || word.count > 10u) return 0;
  for (uint32_t i = 0; i < word.count; i++) {
    const char digit = word.text[i];
    if (digit < '0' || digit > '9' || sum > (uint32_t)INT32_MAX / 10u) return 0;
    sum = sum * 10u + (uint32_t)(digit - '0');
    if (sum > (uint32_t)INT32_MAX) return 0;
  }
  *value = sum;
  return 1;
}

int fw_hex_digit(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  return -1;
}

void fw_say(const char *text) {
  fw_port_write((const uint8_t *)text, (uint32_t)strlen(text));
}

/* What came from outside is echoed only where it can be printed. */
void fw_say_word(fw_word_t word) {
  for (uint32_t i = 0; i < word.count; i++) {
    const uint8_t byte = word.text[i] >= ' ' && word.text[i] <= '~' ? (uint8_t)word.text[i] : (uint8_t)'?';
    fw_port_write(&byte, 1);
  }
}

void fw_say_number(uint64_t value) {
  char digits[20];
  uint32_t first = sizeof digits;
  do {
    digits[--first] = (char)('0' + (int)(value % 10u));
    value /= 10u;
  } while (value != 0u);
  fw_port_write((const uint8_t *)digits + first, (uint32_t)sizeof digits - first);
}

void fw_say_hex(uint8_t byte) {
  static const char digits[] = "0123456789abcdef";
  const uint8_t text[2] = {(uint8_t)digits[byte >> 4], (uint8_t)digits[byte & 15u]};
  fw_port_write(text, 2);
}

void fw_say_float(float value) {
  char text[32];
  fw_json_t json;
  fw_json_begin(&json, text, sizeof text);
  fw_json_float(&json, 0, value);
  fw_port_write((const uint8_t *)text, json.count);
}
