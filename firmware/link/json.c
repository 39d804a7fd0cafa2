#include "link/json.h"

#include <stddef.h>

#include "link/utf8.h"

static const char hex_digits[] = "0123456789abcdef";

static void put(fw_json_t *json, char character) {
  if (json->count < json->size) {
    json->out[json->count++] = character;
  } else {
    json->overflow = 1;
  }
}

static void put_all(fw_json_t *json, const char *text) {
  while (*text != '\0') put(json, *text++);
}

static void put_digits(fw_json_t *json, uint32_t value, uint32_t least) {
  char digits[10];
  uint32_t count = 0;
  while (value != 0u || count < least) {
    digits[count++] = (char)('0' + value % 10u);
    value /= 10u;
  }
  while (count > 0u) put(json, digits[--count]);
}

/* The comma and the key before a value; afterwards the next value needs a comma. */
static void lead(fw_json_t *json, const char *key) {
  if (json->comma != 0u) put(json, ',');
  if (key != NULL) {
    put(json, '"');
    put_all(json, key);
    put(json, '"');
    put(json, ':');
  }
  json->comma = 1;
}

static void open_group(fw_json_t *json, const char *key, char bracket) {
  lead(json, key);
  put(json, bracket);
  json->comma = 0;
}

static void close_group(fw_json_t *json, char bracket) {
  put(json, bracket);
  json->comma = 1;
}

void fw_json_begin(fw_json_t *json, char *out, uint32_t size) {
  json->out = out;
  json->size = size;
  json->count = 0;
  json->comma = 0;
  json->overflow = 0;
}

void fw_json_object(fw_json_t *json, const char *key) {
  open_group(json, key, '{');
}

void fw_json_object_end(fw_json_t *json) {
  close_group(json, '}');
}

void fw_json_array(fw_json_t *json, const char *key) {
  open_group(json, key, '[');
}

void fw_json_array_end(fw_json_t *json) {
  close_group(json, ']');
}

void fw_json_uint(fw_json_t *json, const char *key, uint32_t value) {
  lead(json, key);
  put_digits(json, value, 1);
}

void fw_json_int(fw_json_t *json, const char *key, int32_t value) {
  lead(json, key);
  if (value < 0) put(json, '-');
  put_digits(json, value < 0 ? 0u - (uint32_t)value : (uint32_t)value, 1);
}

void fw_json_bool(fw_json_t *json, const char *key, int value) {
  lead(json, key);
  put_all(json, value != 0 ? "true" : "false");
}

void fw_json_raw(fw_json_t *json, const char *key, const char *text, uint32_t count) {
  lead(json, key);
  for (uint32_t i = 0; i < count; i++) put(json, text[i]);
}

void fw_json_text(fw_json_t *json, const char *key, const char *text, uint32_t count) {
  const uint8_t *bytes = (const uint8_t *)text;
  uint32_t i = 0;
  lead(json, key);
  put(json, '"');
  while (i < count && bytes[i] != 0u) {
    const uint32_t length = fw_utf8_length(bytes + i, count - i);
    if (length == 0u) {
      put_all(json, "\\ufffd");
      i++;
    } else if (bytes[i] < 0x20u || bytes[i] == 0x7Fu) {
      put_all(json, "\\u00");
      put(json, hex_digits[bytes[i] >> 4]);
      put(json, hex_digits[bytes[i] & 15u]);
      i++;
    } else {
      if (bytes[i] == (uint8_t)'"' || bytes[i] == (uint8_t)'\\') put(json, '\\');
      for (uint32_t k = 0; k < length; k++) put(json, (char)bytes[i++]);
    }
  }
  put(json, '"');
}

void fw_json_string(fw_json_t *json, const char *key, const char *text) {
  uint32_t count = 0;
  while (text[count] != '\0') count++;
  fw_json_text(json, key, text, count);
}

void fw_json_hex(fw_json_t *json, const char *key, const uint8_t *bytes, uint32_t count) {
  lead(json, key);
  put(json, '"');
  for (uint32_t i = 0; i < count; i++) {
    put(json, hex_digits[bytes[i] >> 4]);
    put(json, hex_digits[bytes[i] & 15u]);
  }
  put(json, '"');
}

void fw_json_hex32(fw_json_t *json, const char *key, uint32_t value) {
  uint8_t bytes[4];
  for (uint32_t i = 0; i < 4u; i++) bytes[i] = (uint8_t)(value >> (24u - 8u * i));
  fw_json_hex(json, key, bytes, 4);
}

void fw_json_q15(fw_json_t *json, const char *key, uint32_t value_q15) {
  const uint32_t whole = value_q15 >> 15;
  const uint32_t parts = ((value_q15 & 32767u) * 10000u + 16384u) >> 15;
  lead(json, key);
  put_digits(json, whole + parts / 10000u, 1);
  put(json, '.');
  put_digits(json, parts % 10000u, 4);
}
