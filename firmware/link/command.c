#include "link/command.h"

#include <stddef.h>

#include "link/utf8.h"
#include "runtime/crc32.h"

enum { HEX_DIGITS = 8 };

static int is_text(const uint8_t *bytes, uint32_t count) {
  uint32_t i = 0;
  while (i < count) {
    const uint32_t length = fw_utf8_length(bytes + i, count - i);
    if (length == 0u || bytes[i] == 0x7Fu || (bytes[i] < 0x20u && bytes[i] != (uint8_t)'\t')) return 0;
    i += length;
  }
  return 1;
}

static int parse_hex32(const char *text, uint32_t *value) {
  uint32_t made = 0;
  for (uint32_t i = 0; i < HEX_DIGITS; i++) {
    const char c = text[i];
    uint32_t digit;
    if (c >= '0' && c <= '9') {
      digit = (uint32_t)(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = (uint32_t)(c - 'a') + 10u;
    } else {
      return 0;
    }
    made = (made << 4) | digit;
  }
  *value = made;
  return 1;
}

/* Decimal digits up to the first other character. Returns how many, or 0 if the number exceeds `most`. */
static uint32_t parse_uint(const char *text, uint32_t most, uint32_t *value) {
  uint32_t made = 0;
  uint32_t count = 0;
  while (text[count] >= '0' && text[count] <= '9') {
    const uint32_t digit = (uint32_t)(text[count] - '0');
    if (made > (most - digit) / 10u || digit > most) return 0;
    made = made * 10u + digit;
    count++;
  }
  if (count != 0u) *value = made;
  return count;
}

/* Takes " *CRC" off the end of *count bytes. Returns 0 if something stands there that is no right CRC. */
static int take_crc(fw_command_t *command, const char *line, uint32_t *count) {
  uint32_t end = *count;
  while (end > 0u && line[end - 1u] != ' ') end--;
  if (end == 0u || end == *count || line[end] != '*') return 1;
  if (*count - end != 1u + HEX_DIGITS || !parse_hex32(line + end + 1u, &command->crc)) return 0;
  *count = end - 1u;
  command->has_crc = 1;
  return fw_crc32(0, line, *count) == command->crc;
}

/* "@SESSION:SEQUENCE" of a zero-terminated word. */
static int parse_prefix(fw_command_t *command, const char *word) {
  uint32_t digits;
  uint32_t length = 0;
  while (length < 1u + HEX_DIGITS && word[length] != '\0') length++;
  if (length < 1u + HEX_DIGITS || !parse_hex32(word + 1, &command->session)) return 0;
  word += 1u + HEX_DIGITS;
  if (*word++ != ':') return 0;
  digits = parse_uint(word, 0xFFFFFFFFu, &command->sequence);
  return digits != 0u && word[digits] == '\0' && command->sequence != 0u;
}

static fw_command_result_t parse(fw_command_t *command, char *line, uint32_t end) {
  uint32_t i = 0;
  uint32_t words = 0;
  if (!take_crc(command, line, &end)) return FW_COMMAND_CRC;
  line[end] = '\0';
  while (i < end) {
    while (i < end && (line[i] == ' ' || line[i] == '\t')) i++;
    if (i == end) break;
    if (words == FW_COMMAND_WORDS) return FW_COMMAND_SYNTAX;
    command->words[words++] = line + i;
    while (i < end && line[i] != ' ' && line[i] != '\t') i++;
    line[i] = '\0';
    if (i < end) i++;
  }
  if (words != 0u && command->words[0][0] == '@') {
    if (command->has_crc == 0u) return FW_COMMAND_CRC;
    if (!parse_prefix(command, command->words[0])) return FW_COMMAND_SYNTAX;
    words--;
    for (i = 0; i < words; i++) command->words[i] = command->words[i + 1u];
  }
  command->word_count = words;
  return words == 0u ? FW_COMMAND_SYNTAX : FW_COMMAND_OK;
}

fw_command_result_t fw_command_parse(fw_command_t *command, char *line, uint32_t count) {
  fw_command_result_t result = FW_COMMAND_GARBLED;
  const fw_command_t none = {0};
  *command = none;
  if (is_text((const uint8_t *)line, count)) result = parse(command, line, count);
  if (result != FW_COMMAND_OK) *command = none;
  return result;
}

int fw_command_is(const fw_command_t *command, uint32_t index, const char *text) {
  const char *word;
  if (index >= command->word_count) return 0;
  word = command->words[index];
  while (*word != '\0' && *word == *text) word++, text++;
  return *word == *text;
}

int fw_command_uint(const fw_command_t *command, uint32_t index, uint32_t most, uint32_t *value) {
  uint32_t made = 0;
  uint32_t digits;
  if (index >= command->word_count) return 0;
  digits = parse_uint(command->words[index], most, &made);
  if (digits == 0u || command->words[index][digits] != '\0') return 0;
  *value = made;
  return 1;
}

int fw_command_hex32(const fw_command_t *command, uint32_t index, uint32_t *value) {
  uint32_t length = 0;
  if (index >= command->word_count) return 0;
  while (length <= HEX_DIGITS && command->words[index][length] != '\0') length++;
  return length == HEX_DIGITS && parse_hex32(command->words[index], value);
}

int fw_command_q15(const fw_command_t *command, uint32_t index, uint32_t *value_q15) {
  const char *word;
  uint32_t whole = 0;
  uint32_t parts = 0;
  uint32_t unit = 1000000u;
  uint32_t digits;
  uint32_t made;
  if (index >= command->word_count) return 0;
  word = command->words[index];
  digits = parse_uint(word, 1, &whole);
  word += digits;
  if (*word == '.') {
    word++;
    while (*word >= '0' && *word <= '9' && unit > 1u) {
      unit /= 10u;
      parts += (uint32_t)(*word++ - '0') * unit;
      digits++;
    }
  }
  if (digits == 0u || *word != '\0') return 0;
  made = (whole << 15) + (uint32_t)(((uint64_t)parts * 32768u + 500000u) / 1000000u);
  if (made > 32768u) return 0;
  *value_q15 = made;
  return 1;
}
