/* Writes one JSON object a line into a caller's buffer: exact, without printf, never past the end.
 *
 * Commas are placed by the writer. A value too long for the buffer sets `overflow`, and the whole line is
 * then worthless: the caller says so instead of sending it. */
#ifndef FW_LINK_JSON_H
#define FW_LINK_JSON_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  char *out;
  uint32_t size;
  uint32_t count;
  uint8_t comma; /* the next key or value needs one before it */
  uint8_t overflow;
} fw_json_t;

void fw_json_begin(fw_json_t *json, char *out, uint32_t size);

/* '{' and '[' with or without a key (NULL), and their ends. */
void fw_json_object(fw_json_t *json, const char *key);
void fw_json_object_end(fw_json_t *json);
void fw_json_array(fw_json_t *json, const char *key);
void fw_json_array_end(fw_json_t *json);

/* One value; `key` is NULL inside an array. */
void fw_json_uint(fw_json_t *json, const char *key, uint32_t value);
void fw_json_int(fw_json_t *json, const char *key, int32_t value);
void fw_json_bool(fw_json_t *json, const char *key, int value);

/* A value that is JSON already. */
void fw_json_raw(fw_json_t *json, const char *key, const char *text, uint32_t count);

/* A string of at most `count` bytes, ending earlier at a zero; control characters, quotes and bytes that are
 * not UTF-8 are escaped, so that the line is always valid JSON in ASCII or UTF-8. */
void fw_json_text(fw_json_t *json, const char *key, const char *text, uint32_t count);

/* A zero-terminated string. */
void fw_json_string(fw_json_t *json, const char *key, const char *text);

/* Bytes as a string of lower-case hexadecimal digits. */
void fw_json_hex(fw_json_t *json, const char *key, const uint8_t *bytes, uint32_t count);

/* 32 bits as a string of eight lower-case hexadecimal digits. */
void fw_json_hex32(fw_json_t *json, const char *key, uint32_t value);

/* A number in Q15 (32768 is 1) with four decimals, rounded half up: 32768 → 1.0000, 30556 → 0.9325. */
void fw_json_q15(fw_json_t *json, const char *key, uint32_t value_q15);

/* A float32 with nine significant digits, correctly rounded, which identify every float32; null if not
 * finite. */
void fw_json_float(fw_json_t *json, const char *key, float value);

#ifdef __cplusplus
}
#endif

#endif
