/* Vector table and reset of every Cortex-M board. The board's definition gives the numbers of its interrupts:
 * FW_LINK_IRQ (UART); FW_TICK_IRQ where SysTick is not the tick; FW_AUDIO_IRQ where there is a microphone. */
#include "port/common/fw_port_parts.h"
#include "port/cortexm/fw_cortexm.h"

/* The loops below are to stay loops: calls of strlen, memcpy or memset would be larger than they are. */
#pragma GCC optimize("Os", "no-tree-loop-distribute-patterns")

extern uint32_t __fw_data_start[], __fw_data_end[], __fw_data_load[];
extern uint32_t __fw_bss_start[], __fw_bss_end[];
extern uint32_t __fw_stack_top[];

int main(void);
_Noreturn void fw_reset(void);
#ifdef FW_RUNS_BEHIND_BOOTLOADER
extern uint32_t __fw_flash_start[]; /* the vector table */
#endif
void fw_fault(void);

_Noreturn void fw_reset(void) {
#ifdef FW_RUNS_BEHIND_BOOTLOADER
  FW_SCB_VTOR = (uint32_t)(uintptr_t)__fw_flash_start; /* until here exceptions may still be the bootloader's */
#endif
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  FW_SCB_CPACR |= 0xFu << 20; /* full access to CP10 and CP11: the FPU, and MVE */
  __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
  const uint32_t *load = __fw_data_load;
  for (uint32_t *word = __fw_data_start; word < __fw_data_end; word++) *word = *load++;
  for (uint32_t *word = __fw_bss_start; word < __fw_bss_end; word++) *word = 0u;
  fw_port_exit(main());
}

__attribute__((used)) _Noreturn static void fault_exit(void) {
  fw_port_exit(FW_EXIT_FAULT);
}

/* A fault ends the program with a code of its own instead of hanging until somebody's patience ends. The stack may be
 * what is broken, so this begins a new one. */
__attribute__((naked)) void fw_fault(void) {
  __asm__ volatile("ldr r0, =__fw_stack_top\n\tmov sp, r0\n\tldr r0, =fault_exit\n\tbx r0\n\t.pool");
}

#ifdef FW_RUNS_ALONE
/* A real board without a debugger takes a hard fault at a semihosting call. It is skipped, with -1 as its
 * result: so fw_semihost() says that nobody listens. */
__attribute__((used)) static void hard_fault(uint32_t *frame) {
  const uint16_t *const at = (const uint16_t *)(uintptr_t)frame[6];
  if (*at != 0xBEABu) fw_fault();
  frame[0] = UINT32_MAX;
  frame[6] += 2u;
}

/* 64 bytes of stack are what the function above may need; without them the fault was one of the stack. */
__attribute__((naked)) static void hard_fault_entry(void) {
  __asm__ volatile(
      "mrs r0, msp\n\t"
      "ldr r1, =__fw_stack_limit + 64\n\t"
      "cmp r0, r1\n\t"
      "blo 1f\n\t"
      "ldr r1, =hard_fault\n\t"
      "bx r1\n"
      "1:\n\t"
      "ldr r1, =fw_fault\n\t"
      "bx r1\n\t"
      ".pool");
}
#define HARD_FAULT hard_fault_entry
#else
#define HARD_FAULT fw_fault
#endif

#define LATER(a, b) ((a) > (b) ? (a) : (b))

#ifdef FW_TICK_IRQ
#define TICK_ENTRY (16 + FW_TICK_IRQ)
#define LAST_TICK  FW_TICK_IRQ
#else
#define TICK_ENTRY 15
#define LAST_TICK  0
#endif

#ifdef FW_AUDIO_IRQ
#define LAST_IRQ LATER(LATER(FW_LINK_IRQ, LAST_TICK), FW_AUDIO_IRQ)
#else
#define LAST_IRQ LATER(FW_LINK_IRQ, LAST_TICK)
#endif

typedef union {
  const uint32_t *stack;
  void (*handler)(void);
} fw_vector_t;

__attribute__((section(".fw_vectors"), used)) static const fw_vector_t vectors[16 + LAST_IRQ + 1] = {
    [0] = {.stack = __fw_stack_top},
    [1] = {.handler = fw_reset},
    [2] = {.handler = fw_fault},
    [3] = {.handler = HARD_FAULT},
    [4] = {.handler = fw_fault},
    [5] = {.handler = fw_fault},
    [6] = {.handler = fw_fault},
    [7] = {.handler = fw_fault},
    [TICK_ENTRY] = {.handler = fw_tick_isr},
    [16 + FW_LINK_IRQ] = {.handler = fw_link_isr},
#ifdef FW_AUDIO_IRQ
    [16 + FW_AUDIO_IRQ] = {.handler = fw_audio_isr},
#endif
};
