/* float32 addition, multiplication and conversion, which Debian's libgcc for the LX106 leaves to the ESP8266's ROM:
 * IEEE 754, to nearest, ties to even. Bits in, bits out; the names are those that the compiler calls. */
#include <stdint.h>

uint32_t fw_soft_add(uint32_t a, uint32_t b) __asm__("__addsf3");
uint32_t fw_soft_subtract(uint32_t a, uint32_t b) __asm__("__subsf3");
uint32_t fw_soft_multiply(uint32_t a, uint32_t b) __asm__("__mulsf3");
uint32_t fw_soft_from_int(int32_t value) __asm__("__floatsisf");
uint32_t fw_soft_from_unsigned(uint32_t value) __asm__("__floatunsisf");
uint32_t fw_soft_to_unsigned(uint32_t a) __asm__("__fixunssfsi");

#define SIGN          0x80000000u
#define INFINITY_BITS 0x7F800000u
#define NAN_BITS      0x7FC00000u

static uint32_t exponent_of(uint32_t a) {
  return a << 1 >> 24;
}

static int is_nan(uint32_t a) {
  return a << 1 > INFINITY_BITS << 1;
}

/* `mantissa` has its leading one in bit 30, 7 bits below the result's last (the lowest also for what was shifted out),
 * or lower where `exponent` is 1: a subnormal number. */
static uint32_t rounded(uint32_t sign, uint32_t exponent, uint32_t mantissa) {
  if (exponent >= 255u) return sign | INFINITY_BITS;
  const uint32_t rest = mantissa & 0x7Fu;
  const uint32_t result = (sign | (exponent - 1u) << 23) + (mantissa >> 7);
  return result + (rest > 0x40u || (rest == 0x40u && (result & 1u) != 0u) ? 1u : 0u);
}

/* Leading one (or, of a subnormal number, none) in bit 30. */
static uint32_t mantissa_of(uint32_t a) {
  return (a & 0x7FFFFFu) << 7 | (exponent_of(a) != 0u ? 1u << 30 : 0u);
}

static uint32_t shifted_right(uint32_t mantissa, uint32_t by) {
  if (by == 0u) return mantissa;
  if (by > 30u) return mantissa != 0u ? 1u : 0u;
  return mantissa >> by | (mantissa << (32u - by) != 0u ? 1u : 0u);
}

uint32_t fw_soft_add(uint32_t a, uint32_t b) {
  if (is_nan(a) || is_nan(b)) return NAN_BITS;
  const int is_swapped = a << 1 < b << 1;
  const uint32_t large = is_swapped ? b : a, small = is_swapped ? a : b;
  if (exponent_of(large) == 255u) return exponent_of(small) == 255u && a != b ? NAN_BITS : large;
  if (small << 1 == 0u) return large << 1 == 0u ? a & b : large;
  uint32_t exponent = exponent_of(large) != 0u ? exponent_of(large) : 1u;
  const uint32_t smaller = exponent_of(small) != 0u ? exponent_of(small) : 1u;
  const uint32_t added = shifted_right(mantissa_of(small), exponent - smaller);
  uint32_t mantissa = mantissa_of(large);
  if (((a ^ b) & SIGN) == 0u) {
    mantissa += added;
    if ((mantissa & SIGN) != 0u) {
      mantissa = mantissa >> 1 | (mantissa & 1u);
      exponent++;
    }
  } else {
    mantissa -= added;
    if (mantissa == 0u) return 0u;
    for (; mantissa < 1u << 30 && exponent > 1u; exponent--) mantissa <<= 1;
  }
  return rounded(large & SIGN, exponent, mantissa);
}

uint32_t fw_soft_subtract(uint32_t a, uint32_t b) {
  return fw_soft_add(a, b ^ SIGN);
}

uint32_t fw_soft_multiply(uint32_t a, uint32_t b) {
  const uint32_t sign = (a ^ b) & SIGN;
  if (is_nan(a) || is_nan(b)) return NAN_BITS;
  if (exponent_of(a) == 255u || exponent_of(b) == 255u) {
    return a << 1 == 0u || b << 1 == 0u ? NAN_BITS : sign | INFINITY_BITS;
  }
  if (a << 1 == 0u || b << 1 == 0u) return sign;
  int32_t exponent = -126;
  uint32_t mantissas[2];
  for (uint32_t i = 0; i < 2u; i++) {
    const uint32_t factor = i == 0u ? a : b;
    int32_t own = exponent_of(factor) != 0u ? (int32_t)exponent_of(factor) : 1;
    mantissas[i] = mantissa_of(factor);
    for (; mantissas[i] < 1u << 30; own--) mantissas[i] <<= 1;
    exponent += own;
  }
  /* 2^60 … 2^62 to 2^29 … 2^31 */
  const uint64_t product = (uint64_t)mantissas[0] * mantissas[1];
  uint32_t mantissa = (uint32_t)(product >> 31) | ((uint32_t)product << 1 != 0u ? 1u : 0u);
  if (mantissa < 1u << 30) {
    mantissa = (uint32_t)(product >> 30) | ((uint32_t)product << 2 != 0u ? 1u : 0u);
    exponent--;
  }
  if (exponent >= 255) return sign | INFINITY_BITS;
  if (exponent < 1) {
    mantissa = shifted_right(mantissa, (uint32_t)(1 - exponent));
    exponent = 1;
  }
  return rounded(sign, (uint32_t)exponent, mantissa);
}

uint32_t fw_soft_from_unsigned(uint32_t value) {
  uint32_t exponent = 127u + 30u;
  if (value == 0u) return 0u;
  if ((value & SIGN) != 0u) {
    value = value >> 1 | (value & 1u);
    exponent++;
  }
  for (; value < 1u << 30; exponent--) value <<= 1;
  return rounded(0u, exponent, value);
}

uint32_t fw_soft_from_int(int32_t value) {
  return value < 0 ? fw_soft_from_unsigned(0u - (uint32_t)value) | SIGN : fw_soft_from_unsigned((uint32_t)value);
}

/* Towards zero; what does not fit is 0 below and all ones above. */
uint32_t fw_soft_to_unsigned(uint32_t a) {
  const uint32_t exponent = exponent_of(a);
  if ((a & SIGN) != 0u || exponent < 127u) return 0u;
  if (exponent > 127u + 31u) return UINT32_MAX;
  const uint32_t mantissa = (a & 0x7FFFFFu) | 0x800000u;
  return exponent >= 127u + 23u ? mantissa << (exponent - 150u) : mantissa >> (150u - exponent);
}
