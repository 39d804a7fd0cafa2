/* Addresses of QEMU's RISC-V machine `virt` (hw/riscv/virt.c), hart 0 in machine mode. */
#ifndef FW_VIRT_H
#define FW_VIRT_H

#include <stdint.h>

#define FW_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define FW_BYTE(address)     (*(volatile uint8_t *)(uintptr_t)(address))

#define FW_FINISHER_BASE  0x00100000u
#define FW_FINISHER_RESET 0x7777u

#define FW_MTIMECMP_LOW  FW_REGISTER(0x02004000u)
#define FW_MTIMECMP_HIGH FW_REGISTER(0x02004004u)
#define FW_MTIME_LOW     FW_REGISTER(0x0200BFF8u)
#define FW_MTIME_HIGH    FW_REGISTER(0x0200BFFCu)

#define FW_UART_IRQ       10u
#define FW_PLIC_PRIORITY  FW_REGISTER(0x0C000000u + 4u * FW_UART_IRQ)
#define FW_PLIC_ENABLE    FW_REGISTER(0x0C002000u)
#define FW_PLIC_THRESHOLD FW_REGISTER(0x0C200000u)
#define FW_PLIC_CLAIM     FW_REGISTER(0x0C200004u)

/* 16550 */
#define FW_UART_DATA        FW_BYTE(0x10000000u)
#define FW_UART_INTERRUPTS  FW_BYTE(0x10000001u)
#define FW_UART_LINE_STATUS FW_BYTE(0x10000005u)

/* Sources of interrupts in `mie`; enabled by the parts that handle them. */
#define FW_MIE_TIMER (1u << 7)
#define FW_MIE_LINK  (1u << 11)
void fw_interrupts_enable(uint32_t sources);

#endif
