/* QEMU's RISC-V virt machine: stack, FPU on, semihosting. */
#include "image.h"

void reset(void);
void start(void);

static void semihost(uint32_t operation, const void *argument) {
  register uint32_t a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = argument;
  __asm__ volatile(
      ".option push\n.option norvc\n"
      ".balign 16\n" /* the three instructions lie in one page */
      "slli zero, zero, 0x1f\n"
      "ebreak\n"
      "srai zero, zero, 7\n"
      ".option pop\n"
      : "+r"(a0)
      : "r"(a1)
      : "memory");
}

void image_write(const char *text) {
  semihost(0x04, text); /* SYS_WRITE0 */
}

uint32_t image_instructions(void) {
  return 0;
}

void start(void) {
  (void)main();
  semihost(0x18, (const void *)0x20026u); /* SYS_EXIT, normally */
}

__attribute__((naked, section(".vectors"))) void reset(void) {
  __asm__ volatile(
      ".option push\n.option arch, +zicsr\n"
      "li t0, 0x2000\n" /* mstatus.FS */
      "csrs mstatus, t0\n"
      ".option pop\n"
      "la sp, stack_top\n"
      "jal start\n"
      "1: j 1b\n");
}
