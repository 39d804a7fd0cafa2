/* QEMU's mps2 boards: vector table, FPU on, SysTick at 25 MHz (40 instructions a tick), semihosting. */
#include "image.h"

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xe000e010u)
#define SYSTICK_RELOAD  (*(volatile uint32_t *)0xe000e014u)
#define SYSTICK_VALUE   (*(volatile uint32_t *)0xe000e018u)

extern uint32_t stack_top;
void reset(void);
void start(void);

__attribute__((section(".vectors"), used)) static const void *const vectors[] = {&stack_top, (const void *)reset};

static void semihost(uint32_t operation, const void *argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void image_write(const char *text) {
  semihost(0x04, text); /* SYS_WRITE0 */
}

uint32_t image_instructions(void) {
  return (0xffffffu - SYSTICK_VALUE) * 40u;
}

void start(void) {
  SYSTICK_RELOAD = 0xffffffu;
  SYSTICK_VALUE = 0;
  SYSTICK_CONTROL = 5; /* on, processor clock */
  (void)main();
  semihost(0x18, (const void *)0x20026u); /* SYS_EXIT, normally */
}

__attribute__((naked)) void reset(void) {
  __asm__ volatile(
      "ldr r0, =0xe000ed88\n" /* CPACR */
      "ldr r1, [r0]\n"
      "orr r1, r1, #0xf00000\n"
      "str r1, [r0]\n"
      "dsb\n"
      "isb\n"
      "bl start\n"
      "b .\n");
}
