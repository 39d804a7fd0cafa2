/* The nRF51's peripherals as far as this port uses them (nRF51 Series Reference Manual 3.0). */
#ifndef FW_NRF51_H
#define FW_NRF51_H

#include "port/cortexm/fw_cortexm.h"

#define FW_GPIO_BASE   0x50000000u
#define FW_UART_BASE   0x40002000u
#define FW_TIMER0_BASE 0x40008000u /* the only one with 32 bits: the free-running counter */
#define FW_TIMER1_BASE 0x40009000u /* the millisecond tick: this core has no SysTick */

#define FW_NVMC_READY     FW_REGISTER(0x4001E400u)
#define FW_NVMC_CONFIG    FW_REGISTER(0x4001E504u)
#define FW_NVMC_ERASEPAGE FW_REGISTER(0x4001E508u)

#define FW_GPIO_OUTSET FW_REGISTER(FW_GPIO_BASE + 0x508u)
#define FW_GPIO_DIRSET FW_REGISTER(FW_GPIO_BASE + 0x518u)

#define FW_TIMER_START(base)     FW_REGISTER((base) + 0x000u)
#define FW_TIMER_CAPTURE0(base)  FW_REGISTER((base) + 0x040u)
#define FW_TIMER_COMPARED0(base) FW_REGISTER((base) + 0x140u)
#define FW_TIMER_SHORTS(base)    FW_REGISTER((base) + 0x200u)
#define FW_TIMER_INTENSET(base)  FW_REGISTER((base) + 0x304u)
#define FW_TIMER_BITMODE(base)   FW_REGISTER((base) + 0x508u)
#define FW_TIMER_PRESCALER(base) FW_REGISTER((base) + 0x510u)
#define FW_TIMER_CC0(base)       FW_REGISTER((base) + 0x540u)

#define FW_UART_STARTRX  FW_REGISTER(FW_UART_BASE + 0x000u)
#define FW_UART_STARTTX  FW_REGISTER(FW_UART_BASE + 0x008u)
#define FW_UART_RXDRDY   FW_REGISTER(FW_UART_BASE + 0x108u)
#define FW_UART_TXDRDY   FW_REGISTER(FW_UART_BASE + 0x11Cu)
#define FW_UART_INTENSET FW_REGISTER(FW_UART_BASE + 0x304u)
#define FW_UART_INTENCLR FW_REGISTER(FW_UART_BASE + 0x308u)
#define FW_UART_ENABLE   FW_REGISTER(FW_UART_BASE + 0x500u)
#define FW_UART_PSELTXD  FW_REGISTER(FW_UART_BASE + 0x50Cu)
#define FW_UART_PSELRXD  FW_REGISTER(FW_UART_BASE + 0x514u)
#define FW_UART_RXD      FW_REGISTER(FW_UART_BASE + 0x518u)
#define FW_UART_TXD      FW_REGISTER(FW_UART_BASE + 0x51Cu)
#define FW_UART_BAUDRATE FW_REGISTER(FW_UART_BASE + 0x524u)

#endif
