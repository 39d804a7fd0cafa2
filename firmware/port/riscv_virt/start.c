/* Reset, traps, interrupt mask, sleep and semihosting on QEMU's RISC-V machine `virt`.
 * The compiler's -march=rv32imc does not include the CSR instructions; the assembler is told here. */
#include "port/common/fw_port_parts.h"
#include "port/riscv_virt/fw_virt.h"

/* The loops below are to stay loops: calls of memcpy or memset would be larger than they are. */
#pragma GCC optimize("Os", "no-tree-loop-distribute-patterns")

__asm__(".option arch, +zicsr");

extern uint32_t __fw_data_start[], __fw_data_end[], __fw_data_load[];
extern uint32_t __fw_bss_start[], __fw_bss_end[];

#define MSTATUS_MIE 8u
#define CAUSE_TIMER 0x80000007u
#define CAUSE_LINK  0x8000000Bu

int main(void);
_Noreturn void fw_reset(void);
_Noreturn void fw_reset_main(void);

/* The region of the image is RAM on this machine: physical memory protection makes it read-only, as flash is, and so
 * catches a stack that runs over. pmpcfg 0x8D: locked (it binds machine mode too), top of range, execute, read. */
__attribute__((naked, section(".fw_vectors"))) void fw_reset(void) {
  __asm__ volatile(
      "la sp, __fw_stack_top\n\t"
      "la t0, trap\n\t"
      "csrw mtvec, t0\n\t"
      "la t0, __fw_flash_start\n\t"
      "srli t0, t0, 2\n\t"
      "csrw pmpaddr0, t0\n\t"
      "la t0, __fw_flash_end\n\t"
      "srli t0, t0, 2\n\t"
      "csrw pmpaddr1, t0\n\t"
      "li t0, 0x8D00\n\t"
      "csrw pmpcfg0, t0\n\t"
      "j fw_reset_main");
}

__attribute__((used)) _Noreturn void fw_reset_main(void) {
  const uint32_t *load = __fw_data_load;
  for (uint32_t *word = __fw_data_start; word < __fw_data_end; word++) *word = *load++;
  for (uint32_t *word = __fw_bss_start; word < __fw_bss_end; word++) *word = 0u;
  fw_port_exit(main());
}

__attribute__((used)) _Noreturn static void fault_exit(void) {
  fw_port_exit(FW_EXIT_FAULT);
}

__attribute__((interrupt("machine"), used)) static void interrupt(void) {
  uint32_t cause;
  __asm__ volatile("csrr %0, mcause" : "=r"(cause));
  if (cause == CAUSE_LINK && fw_link_isr) {
    const uint32_t source = FW_PLIC_CLAIM;
    fw_link_isr();
    FW_PLIC_CLAIM = source; /* done */
  } else if (cause == CAUSE_TIMER && fw_tick_isr) {
    fw_tick_isr();
  }
}

/* Interrupts go on; a fault ends the program with a code of its own, on a new stack, because the old one may be what
 * is broken. */
__attribute__((naked, aligned(4), used)) static void trap(void) {
  __asm__ volatile(
      "csrw mscratch, t0\n\t"
      "csrr t0, mcause\n\t"
      "bltz t0, 1f\n\t"
      "la sp, __fw_stack_top\n\t"
      "j fault_exit\n"
      "1:\n\t"
      "csrr t0, mscratch\n\t"
      "j interrupt");
}

void fw_interrupts_enable(uint32_t sources) {
  __asm__ volatile("csrs mie, %0" ::"r"(sources));
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
  FW_REGISTER(FW_FINISHER_BASE) = FW_FINISHER_RESET;
  for (;;) {
  }
}

int32_t fw_semihost(uint32_t operation, const void *parameters) {
  register uint32_t a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = parameters;
  /* The three instructions must be uncompressed and lie in one page. */
  __asm__ volatile(
      ".option push\n\t"
      ".option norvc\n\t"
      ".balign 16\n\t"
      "slli x0, x0, 0x1f\n\t"
      "ebreak\n\t"
      "srai x0, x0, 7\n\t"
      ".option pop"
      : "+r"(a0)
      : "r"(a1)
      : "memory");
  return (int32_t)a0;
}
