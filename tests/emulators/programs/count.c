/* One function with known numbers of instructions of each class; see test_counting.py. */
#include "fw_port.h"

void counted(uint32_t turns);

/* 4 turns: 1 push, then per turn ldm of 3, ldrd, udiv, subs and bne, then 1 pop. */
__asm__(
    ".section .text.counted, \"ax\", %progbits\n"
    ".syntax unified\n"
    ".thumb\n"
    ".global counted\n"
    ".type counted, %function\n"
    ".thumb_func\n"
    "counted:\n"
    "  push {r4, r5, r6, lr}\n"
    "  adr r1, values\n"
    "1:\n"
    "  ldm r1, {r2, r3, r4}\n"
    "  ldrd r5, r6, [r1]\n"
    "  udiv r4, r4, r2\n"
    "  subs r0, r0, #1\n"
    "  bne 1b\n"
    "  bl inner\n"
    "  pop {r4, r5, r6, pc}\n"
    "  .balign 4\n"
    "values: .word 1, 2, 3\n"
    ".size counted, . - counted\n"
    ".type inner, %function\n"
    ".thumb_func\n"
    "inner:\n"
    "  nop\n"
    "  bx lr\n"
    ".size inner, . - inner\n"
    ".text\n");

int main(void) {
  fw_port_init();
  counted(4);
  counted(1);
  return 0;
}
