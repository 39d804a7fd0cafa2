/* What a platform's UART owes to port/common/link.c. None of these waits. */
#ifndef FW_UART_H
#define FW_UART_H

#include <stdint.h>

/* Pins, baud rate, receiver and transmitter on; interrupt still off. */
void fw_uart_start(void);

/* Interrupt for received bytes on (1) or off (0). */
void fw_uart_interrupt(uint32_t on);

/* Nonzero when a byte waits; fw_uart_take() removes it. */
uint32_t fw_uart_received(void);
uint8_t fw_uart_take(void);

/* Nonzero when fw_uart_send() may be called. */
uint32_t fw_uart_can_send(void);
void fw_uart_send(uint8_t byte);

#endif
