/* Exact instants on RISC-V: the counter counts instructions. An edge is at every instruction. */
#include "port/common/fw_instant.h"

#define INSTANT_FUNCTION(name, instant)      \
  __asm__(".section .text." name             \
          ", \"ax\", @progbits\n"            \
          ".option push\n"                   \
          ".option arch, +zicsr\n"           \
          ".global " name                    \
          "\n"                               \
          ".type " name ", @function\n" name \
          ":\n"                              \
          "  csrr a0, minstret\n"            \
          "  la a1, " instant                \
          "\n"                               \
          "  sw a0, 0(a1)\n"                 \
          "  addi a0, a0, 1\n"               \
          "  sw a0, 4(a1)\n"                 \
          "  ret\n"                          \
          ".size " name ", . - " name        \
          "\n"                               \
          ".option pop\n"                    \
          ".text\n")

INSTANT_FUNCTION("fw_instant_begin", "fw_begun");
INSTANT_FUNCTION("fw_instant_end", "fw_ended");
