/* One text line to one command.
 *
 *     [@SESSION:SEQUENCE ]WORD[ WORD …][ *CRC]
 *
 * SESSION and CRC are eight hexadecimal digits in lower case, SEQUENCE is decimal, 1 … 4294967295. The CRC-32 covers
 * every byte before the space in front of its '*'. A line with a sequence number must carry a CRC; any other line may.
 */
#ifndef FW_LINK_COMMAND_H
#define FW_LINK_COMMAND_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FW_COMMAND_WORDS 8u

typedef enum {
  FW_COMMAND_OK = 0,
  FW_COMMAND_GARBLED, /* control characters, or not UTF-8 */
  FW_COMMAND_CRC,     /* the CRC is wrong, or missing from a line with a sequence number */
  FW_COMMAND_SYNTAX   /* a malformed prefix, no word, or too many */
} fw_command_result_t;

typedef struct {
  uint32_t session;
  uint32_t sequence; /* 0: none */
  uint32_t crc;      /* as received; 0 without one */
  uint32_t word_count;
  uint8_t has_crc;
  const char *words[FW_COMMAND_WORDS]; /* zero-terminated, inside the line */
} fw_command_t;

/* Parses `count` bytes and cuts them into words in place; `line` must have room for one more byte. Unless the
 * result is FW_COMMAND_OK nothing but `has_crc` = 0 and `sequence` = 0 is set. */
fw_command_result_t fw_command_parse(fw_command_t *command, char *line, uint32_t count);

/* 1 if word `index` is there and equal to `text`. */
int fw_command_is(const fw_command_t *command, uint32_t index, const char *text);

/* A decimal number from word `index`. Returns 0 (and leaves *value) if it is missing, malformed or above
 * `most`. */
int fw_command_uint(const fw_command_t *command, uint32_t index, uint32_t most, uint32_t *value);

/* Eight hexadecimal digits from word `index`. Returns 0 if it is anything else. */
int fw_command_hex32(const fw_command_t *command, uint32_t index, uint32_t *value);

/* A decimal fraction from 0 to 1 with up to six decimals ("0.8", "1", ".25") in Q15, rounded half up. */
int fw_command_q15(const fw_command_t *command, uint32_t index, uint32_t *value_q15);

#ifdef __cplusplus
}
#endif

#endif
