/* Reset, traps, interrupt mask, sleep and restart of an ESP32-C3 without a second-stage bootloader ("direct boot").
 *
 * The boot ROM finds the magic words at flash offset 0, maps the flash at 0x42000000 (instructions) and 0x3C000000
 * (data), and jumps behind them. The compiler's -march=rv32imc does not include the CSR instructions; the assembler is
 * told here. */
#include "port/common/fw_port_parts.h"
#include "port/esp32c3/fw_esp32c3.h"

/* The loops below are to stay loops: calls of memcpy or memset would be larger than they are. */
#pragma GCC optimize("Os", "no-tree-loop-distribute-patterns")

__asm__(".option arch, +zicsr");

extern uint32_t __fw_data_start[], __fw_data_end[], __fw_data_load[];
extern uint32_t __fw_bss_start[], __fw_bss_end[];

#define MSTATUS_MIE 8u

int main(void);
_Noreturn void fw_reset(void);

__asm__(
    ".section .fw_vectors, \"ax\", @progbits\n"
    ".word 0xaedb041d, 0xaedb041d\n"
    ".global fw_reset\n"
    ".type fw_reset, @function\n"
    "fw_reset:\n"
    "  la sp, __fw_stack_top\n"
    "  la t0, fw_traps + 1\n" /* vectored, the only mode there is */
    "  csrw mtvec, t0\n"
    "  j fw_reset_main\n"
    ".balign 256\n"
    "fw_traps:\n"
    ".option push\n"
    ".option norvc\n"
    "  j fw_fault_entry\n"
    "  .rept 31\n"
    "  j fw_interrupt\n"
    "  .endr\n"
    ".option pop\n"
    "fw_fault_entry:\n"
    "  la sp, __fw_stack_top\n"
    "  j fw_fault_exit\n"
    ".text\n");

/* The ROM guards the boot with watchdogs; nothing here hangs without being told so by its callers. */
static void stop_watchdogs(void) {
  FW_RTC_WDT_KEY = FW_WDT_UNLOCK;
  FW_RTC_WDT_CONFIG = 0u;
  FW_RTC_WDT_KEY = 0u;
  FW_SWD_KEY = FW_SWD_UNLOCK;
  FW_SWD_CONFIG |= 1u << 31; /* feeds itself */
  FW_SWD_KEY = 0u;
  FW_TIMG0_KEY = FW_WDT_UNLOCK;
  FW_TIMG0_CONFIG = 0u;
  FW_TIMG0_KEY = 0u;
}

__attribute__((used)) _Noreturn void fw_reset_main(void);
__attribute__((used)) _Noreturn void fw_fault_exit(void);
void fw_interrupt(void);

__attribute__((used)) _Noreturn void fw_reset_main(void) {
  stop_watchdogs();
  FW_SYSTEM_CLOCK &= ~0xFFFu; /* the 40 MHz crystal, not divided; the ROM leaves it divided by two */
  const uint32_t *load = __fw_data_load;
  for (uint32_t *word = __fw_data_start; word < __fw_data_end; word++) *word = *load++;
  for (uint32_t *word = __fw_bss_start; word < __fw_bss_end; word++) *word = 0u;
  fw_port_exit(main());
}

_Noreturn void fw_fault_exit(void) {
  fw_port_exit(FW_EXIT_FAULT);
}

__attribute__((interrupt("machine"), used)) void fw_interrupt(void) {
  uint32_t cause;
  __asm__ volatile("csrr %0, mcause" : "=r"(cause));
  const uint32_t line = cause & 31u;
  if (line == FW_LINE_LINK && fw_link_isr) fw_link_isr();
  if (line == FW_LINE_TICK && fw_tick_isr) fw_tick_isr();
}

uint32_t fw_irq_save(void) {
  uint32_t status;
  __asm__ volatile("csrrc %0, mstatus, %1" : "=r"(status) : "r"(MSTATUS_MIE) : "memory");
  return status & MSTATUS_MIE;
}

void fw_irq_restore(uint32_t mask) {
  __asm__ volatile("csrs mstatus, %0" ::"r"(mask) : "memory");
}

void fw_port_irq_off(void) {
  (void)fw_irq_save();
}

void fw_port_irq_on(void) {
  fw_irq_restore(MSTATUS_MIE);
}

void fw_wait_for_interrupt(void) {
  __asm__ volatile("wfi" ::: "memory");
}

_Noreturn void fw_port_reset(void) {
  FW_RTC_OPTIONS0 |= 1u << 31; /* SW_SYS_RST */
  for (;;) {
  }
}

/* Nobody listens. */
int32_t fw_semihost(uint32_t operation, const void *parameters) {
  (void)operation;
  (void)parameters;
  return -1;
}
