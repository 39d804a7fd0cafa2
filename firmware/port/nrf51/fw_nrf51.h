/* The nRF51's peripherals as far as this port uses them (nRF51 Series Reference Manual 3.0). */
#ifndef FW_NRF51_H
#define FW_NRF51_H

#include "port/nrf/fw_nrf.h"

#define FW_UART_BASE   0x40002000u
#define FW_TIMER1_BASE 0x40009000u /* the millisecond tick: this core has no SysTick */

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
