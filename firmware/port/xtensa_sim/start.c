/* Reset, exceptions, interrupt mask and semihosting on the simulator board of Xtensa cores (QEMU: -machine sim), for
 * cores without register windows. It has no UART: images exchange files, and end. */
#include "port/common/fw_port_parts.h"

/* The loops below are to stay loops: calls of memcpy or memset would be larger than they are. */
#pragma GCC optimize("Os", "no-tree-loop-distribute-patterns")

extern uint32_t __fw_data_start[], __fw_data_end[], __fw_data_load[];
extern uint32_t __fw_bss_start[], __fw_bss_end[];

int main(void);
_Noreturn void fw_reset(void);
__attribute__((used)) _Noreturn void fw_reset_main(void);
__attribute__((used)) _Noreturn void fw_fault_exit(void);

/* Vectors lie at fixed distances from VECBASE; those between are of interrupts, which nothing enables. */
__asm__(
    ".section .fw_vectors, \"ax\", @progbits\n"
    ".balign 256\n"
    "fw_vectors:\n"
    "  j fw_reset\n"           /* the core starts at the beginning of the ROM */
    ".org fw_vectors + 0x30\n" /* kernel mode */
    "  j fw_fault\n"
    ".org fw_vectors + 0x50\n" /* user mode */
    "  j fw_fault\n"
    ".org fw_vectors + 0x70\n" /* while another one is handled */
    "  j fw_fault\n"
    ".balign 4\n"
    ".literal_position\n"
    ".global fw_reset\n"
    ".type fw_reset, @function\n"
    "fw_reset:\n"
    "  movi a1, __fw_stack_top\n"
    "  movi a2, fw_vectors\n"
    "  wsr a2, vecbase\n"
    "  movi a2, 0x20\n" /* user vectors, no exception, interrupts open */
    "  wsr a2, ps\n"
    "  rsync\n"
    "  movi a2, fw_reset_main\n"
    "  jx a2\n"
    "fw_fault:\n"
    "  movi a1, __fw_stack_top\n"
    "  movi a2, fw_fault_exit\n"
    "  jx a2\n"
    ".text\n");

_Noreturn void fw_reset_main(void) {
  const uint32_t *load = __fw_data_load;
  for (uint32_t *word = __fw_data_start; word < __fw_data_end; word++) *word = *load++;
  for (uint32_t *word = __fw_bss_start; word < __fw_bss_end; word++) *word = 0u;
  fw_port_exit(main());
}

_Noreturn void fw_fault_exit(void) {
  fw_port_exit(FW_EXIT_FAULT);
}

uint32_t fw_irq_save(void) {
  uint32_t status;
  __asm__ volatile("rsil %0, 15" : "=r"(status)::"memory");
  return status;
}

void fw_irq_restore(uint32_t mask) {
  __asm__ volatile("wsr %0, ps\n\trsync" ::"r"(mask) : "memory");
}

void fw_port_irq_off(void) {
  (void)fw_irq_save();
}

void fw_port_irq_on(void) {
  __asm__ volatile("rsil a15, 0" ::: "a15", "memory");
}

void fw_wait_for_interrupt(void) {
  __asm__ volatile("waiti 0" ::: "memory");
}

_Noreturn void fw_port_reset(void) {
  fw_port_exit(FW_EXIT_RESET);
}

static int32_t simcall(uint32_t number, uint32_t first, uint32_t second, uint32_t third) {
  register uint32_t a2 __asm__("a2") = number;
  register uint32_t a3 __asm__("a3") = first;
  register uint32_t a4 __asm__("a4") = second;
  register uint32_t a5 __asm__("a5") = third;
  __asm__ volatile("simcall" : "+r"(a2), "+r"(a3) : "r"(a4), "r"(a5) : "memory");
  return (int32_t)a2;
}

/* The simulator's calls are the operating system's; port/common speaks Arm's. */
int32_t fw_semihost(uint32_t operation, const void *parameters) {
  enum { ARM_OPEN = 0x01, ARM_CLOSE = 0x02, ARM_WRITE = 0x05, ARM_READ = 0x06, ARM_EXIT = 0x20 };
  enum { SIM_EXIT = 1, SIM_READ = 3, SIM_WRITE = 4, SIM_OPEN = 5, SIM_CLOSE = 6 };
  enum { CREATE_AND_WRITE = 0x241, EVERYBODY_READS = 0644, MODES_OF_READING = 4 };
  const uint32_t *p = parameters;
  switch (operation) {
    case ARM_OPEN:
      return simcall(SIM_OPEN, p[0], p[1] < MODES_OF_READING ? 0u : CREATE_AND_WRITE, EVERYBODY_READS);
    case ARM_CLOSE:
      return simcall(SIM_CLOSE, p[0], 0u, 0u);
    case ARM_WRITE:
    case ARM_READ: {
      uint32_t done = 0;
      while (done < p[2]) {
        const int32_t count = simcall(operation == ARM_READ ? SIM_READ : SIM_WRITE, p[0], p[1] + done, p[2] - done);
        if (count < 0) return -1;
        if (count == 0) break;
        done += (uint32_t)count;
      }
      return (int32_t)(p[2] - done);
    }
    case ARM_EXIT:
      return simcall(SIM_EXIT, p[1], 0u, 0u);
    default:
      return -1;
  }
}
