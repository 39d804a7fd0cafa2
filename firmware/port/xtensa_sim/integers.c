/* Integer functions that the compiler calls and that Debian's libgcc for the LX106 leaves to the ESP8266's ROM. */
#include <stdint.h>

int64_t __muldi3(int64_t left, int64_t right);
uint32_t __udivsi3(uint32_t dividend, uint32_t divisor);
uint32_t __umodsi3(uint32_t dividend, uint32_t divisor);
int32_t __divsi3(int32_t dividend, int32_t divisor);
uint64_t __udivdi3(uint64_t dividend, uint64_t divisor);
uint64_t __umoddi3(uint64_t dividend, uint64_t divisor);
int64_t __divdi3(int64_t dividend, int64_t divisor);

/* The core multiplies 32 bits to 32: the high word from halves. */
int64_t __muldi3(int64_t left, int64_t right) {
  const uint32_t a = (uint32_t)left, b = (uint32_t)right;
  const uint32_t a0 = a & 0xFFFFu, a1 = a >> 16, b0 = b & 0xFFFFu, b1 = b >> 16;
  const uint32_t low = a0 * b0, cross = a1 * b0 + (low >> 16), other = a0 * b1 + (cross & 0xFFFFu);
  uint32_t high = a1 * b1 + (cross >> 16) + (other >> 16);
  high += a * (uint32_t)((uint64_t)right >> 32) + b * (uint32_t)((uint64_t)left >> 32);
  return (int64_t)((uint64_t)high << 32 | (uint32_t)(other << 16 | (low & 0xFFFFu)));
}

/* Bit by bit; division by zero gives all ones. */
uint32_t __udivsi3(uint32_t dividend, uint32_t divisor) {
  uint32_t rest = 0;
  for (uint32_t i = 0; i < 32u; i++) {
    const uint32_t carry = rest >> 31;
    rest = rest << 1 | dividend >> 31;
    dividend <<= 1;
    if (carry != 0u || rest >= divisor) {
      rest -= divisor;
      dividend |= 1u;
    }
  }
  return dividend;
}

uint32_t __umodsi3(uint32_t dividend, uint32_t divisor) {
  return dividend - __udivsi3(dividend, divisor) * divisor;
}

int32_t __divsi3(int32_t dividend, int32_t divisor) {
  const uint32_t a = dividend < 0 ? 0u - (uint32_t)dividend : (uint32_t)dividend;
  const uint32_t b = divisor < 0 ? 0u - (uint32_t)divisor : (uint32_t)divisor;
  const uint32_t quotient = __udivsi3(a, b);
  return (int32_t)((dividend ^ divisor) < 0 ? 0u - quotient : quotient);
}

uint64_t __udivdi3(uint64_t dividend, uint64_t divisor) {
  uint64_t rest = 0;
  for (uint32_t i = 0; i < 64u; i++) {
    const uint64_t carry = rest >> 63;
    rest = rest << 1 | dividend >> 63;
    dividend <<= 1;
    if (carry != 0u || rest >= divisor) {
      rest -= divisor;
      dividend |= 1u;
    }
  }
  return dividend;
}

uint64_t __umoddi3(uint64_t dividend, uint64_t divisor) {
  return dividend - __udivdi3(dividend, divisor) * divisor;
}

int64_t __divdi3(int64_t dividend, int64_t divisor) {
  const uint64_t a = dividend < 0 ? 0u - (uint64_t)dividend : (uint64_t)dividend;
  const uint64_t b = divisor < 0 ? 0u - (uint64_t)divisor : (uint64_t)divisor;
  const uint64_t quotient = __udivdi3(a, b);
  return (int64_t)((dividend ^ divisor) < 0 ? 0u - quotient : quotient);
}
