/* float32 to decimal, exactly: integer arithmetic on the value's own bits, so every target prints the same.
 */
#include <string.h>

#include "fw_float.h"
#include "link/json.h"

enum { INTEGER_WORDS = 4, FRACTION_WORDS = 5, SIGNIFICANT = 9 };

/* |value| = integer + fraction / 2^160, words in little-endian order; float32 needs at most 128 and 149 bits.
 */
typedef struct {
  uint32_t integer[INTEGER_WORDS];
  uint32_t fraction[FRACTION_WORDS];
} expanded_t;

/* Puts the 24 bits of `mantissa` at bit `shift` of the number fraction | integer << 160. */
static void expand(expanded_t *number, uint32_t mantissa, uint32_t shift) {
  uint32_t words[FRACTION_WORDS + INTEGER_WORDS] = {0};
  const uint32_t word = shift / 32u;
  const uint64_t bits = (uint64_t)mantissa << (shift % 32u);
  words[word] = (uint32_t)bits;
  if (word + 1u < FRACTION_WORDS + INTEGER_WORDS) words[word + 1u] = (uint32_t)(bits >> 32);
  memcpy(number->fraction, words, sizeof number->fraction);
  memcpy(number->integer, words + FRACTION_WORDS, sizeof number->integer);
}

/* integer /= 10; returns the remainder, the lowest decimal digit. */
static uint8_t divide_by_ten(uint32_t *integer) {
  uint64_t remainder = 0;
  for (int i = INTEGER_WORDS - 1; i >= 0; i--) {
    remainder = (remainder << 32) | integer[i];
    integer[i] = (uint32_t)(remainder / 10u);
    remainder %= 10u;
  }
  return (uint8_t)remainder;
}

/* fraction *= 10; returns what goes over the point, the next decimal digit. */
static uint8_t times_ten(uint32_t *fraction) {
  uint64_t carry = 0;
  for (int i = 0; i < FRACTION_WORDS; i++) {
    carry += (uint64_t)fraction[i] * 10u;
    fraction[i] = (uint32_t)carry;
    carry >>= 32;
  }
  return (uint8_t)carry;
}

static int is_zero(const uint32_t *words, int count) {
  uint32_t any = 0;
  for (int i = 0; i < count; i++) any |= words[i];
  return any == 0u;
}

/* Nine significant digits (0 … 9), correctly rounded (ties to even). Returns the power of ten of the first.
 */
static int to_digits(expanded_t *number, uint8_t *digits) {
  uint8_t reversed[39];
  int whole = 0;
  int power;
  int count = 0;
  uint8_t next;
  uint8_t beyond = 0;
  while (!is_zero(number->integer, INTEGER_WORDS)) reversed[whole++] = divide_by_ten(number->integer);
  power = whole - 1;
  while (count < SIGNIFICANT && whole > 0) digits[count++] = reversed[--whole];
  while (count < SIGNIFICANT) {
    next = times_ten(number->fraction);
    if (count == 0 && next == 0u) {
      power--;
    } else {
      digits[count++] = next;
    }
  }
  next = whole > 0 ? reversed[--whole] : times_ten(number->fraction);
  while (whole > 0) beyond |= reversed[--whole];
  if (!is_zero(number->fraction, FRACTION_WORDS)) beyond = 1;
  if (next > 5u || (next == 5u && (beyond != 0u || (digits[SIGNIFICANT - 1] & 1u) != 0u))) {
    int i = SIGNIFICANT - 1;
    while (i >= 0 && digits[i] == 9u) digits[i--] = 0;
    if (i >= 0) {
      digits[i]++;
    } else {
      digits[0] = 1;
      power++;
    }
  }
  return power;
}

/* The digits as text: plain between 1e-4 and 1e9, else with an exponent; no zeros at the end of a fraction.
 */
static uint32_t to_text(const uint8_t *digits, int power, char *text) {
  uint32_t used = 0;
  int last = SIGNIFICANT - 1;
  const int plain = power >= -4 && power < SIGNIFICANT;
  const int point = plain ? power : 0; /* digits up to this index stand before the point */
  while (last > 0 && digits[last] == 0u) last--;
  if (point < 0) text[used++] = '0';
  for (int i = point < 0 ? point + 1 : 0; i <= last || i <= point; i++) {
    if (i == point + 1) text[used++] = '.';
    text[used++] = (char)('0' + (i < 0 ? 0 : digits[i]));
  }
  if (!plain) {
    const int magnitude = power < 0 ? -power : power;
    text[used++] = 'e';
    if (power < 0) text[used++] = '-';
    if (magnitude >= 10) text[used++] = (char)('0' + magnitude / 10);
    text[used++] = (char)('0' + magnitude % 10);
  }
  return used;
}

void fw_json_float(fw_json_t *json, const char *key, float value) {
  uint32_t bits;
  uint32_t exponent;
  uint32_t mantissa;
  expanded_t number;
  uint8_t digits[SIGNIFICANT];
  char text[32];
  uint32_t used = 0;
  memcpy(&bits, &value, sizeof bits);
  exponent = (bits >> 23) & 255u;
  mantissa = bits & 0x7FFFFFu;
  if (exponent == 255u) {
    fw_json_raw(json, key, "null", 4);
    return;
  }
  if ((bits >> 31) != 0u) text[used++] = '-';
  if (exponent == 0u && mantissa == 0u) {
    text[used++] = '0';
  } else {
    int power;
    /* The lowest bit of the mantissa weighs 2^(exponent - 150), of the expansion 2^-160. */
    expand(&number, exponent == 0u ? mantissa : mantissa | 0x800000u, (exponent == 0u ? 1u : exponent) + 10u);
    power = to_digits(&number, digits);
    used += to_text(digits, power, text + used);
  }
  fw_json_raw(json, key, text, used);
}
