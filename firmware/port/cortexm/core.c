/* Interrupt mask, sleep, reset and semihosting of a Cortex-M. */
#include "port/common/fw_port_parts.h"
#include "port/cortexm/fw_cortexm.h"

uint32_t fw_irq_save(void) {
  uint32_t mask;
  __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(mask)::"memory");
  return mask;
}

void fw_irq_restore(uint32_t mask) {
  __asm__ volatile("msr primask, %0" ::"r"(mask) : "memory");
}

void fw_port_irq_off(void) {
  __asm__ volatile("cpsid i" ::: "memory");
}

void fw_port_irq_on(void) {
  __asm__ volatile("cpsie i" ::: "memory");
}

void fw_wait_for_interrupt(void) {
  __asm__ volatile("dsb\n\twfi" ::: "memory");
}

_Noreturn void fw_port_reset(void) {
  FW_SCB_AIRCR = 0x05FA0004u; /* key and SYSRESETREQ */
  __asm__ volatile("dsb" ::: "memory");
  for (;;) {
  }
}

int32_t fw_semihost(uint32_t operation, const void *parameters) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = parameters;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory", "cc");
  return (int32_t)r0;
}
