/* What the parts of a port owe to each other. The portable firmware never includes this file.
 *
 * The firmware is an archive: a part is linked only when something calls it. fw_port_init() and the vector
 * table therefore name the optional parts (link, millisecond tick) by weak references, which are null in an
 * image that does not use them; an image with neither contains no UART and no timer code. */
#ifndef FW_PORT_PARTS_H
#define FW_PORT_PARTS_H

#include <stdint.h>

#include "fw_board.h" /* generated from the board's definition: FW_CLOCK_HZ, addresses, interrupt numbers */
#include "fw_port.h"

/* Free-running 32-bit up-counter at FW_CLOCK_HZ; needs no interrupt. FW_CLOCK_TICKS_PER_MS is an integer. */
uint32_t fw_clock_now(void);

/* Starts a periodic wake-up of about one millisecond that ends in fw_tick_isr(). */
void fw_tick_start(void);

/* Keeps the millisecond count up to date; called by the tick and by fw_port_millis(). */
void fw_millis_update(void);

/* Optional parts. */
__attribute__((weak)) void fw_clock_init(void);
__attribute__((weak)) void fw_link_init(void);
__attribute__((weak)) uint32_t fw_link_pending(void);
__attribute__((weak)) void fw_link_isr(void);
__attribute__((weak)) void fw_millis_init(void);
__attribute__((weak)) void fw_tick_isr(void);
__attribute__((weak)) void fw_audio_isr(void);

/* Whether samples came since the last call. */
__attribute__((weak)) uint32_t fw_audio_pending(void);

/* Masks interrupts and returns what fw_irq_restore() needs to undo exactly that. */
uint32_t fw_irq_save(void);
void fw_irq_restore(uint32_t mask);

/* One semihosting call: the operation, then a pointer to its parameter words. Returns -1 where nobody
 * listens. */
int32_t fw_semihost(uint32_t operation, const void *parameters);

/* Sleeps until an interrupt is pending, whether or not interrupts are masked. */
void fw_wait_for_interrupt(void);

#endif
