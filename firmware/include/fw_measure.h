/* Exact instruction counts on emulated boards (QEMU with -icount shift=0: one instruction a nanosecond).
 *
 *   fw_measure_begin();
 *   work();
 *   const uint64_t instructions = fw_measure_end();
 *
 * counts every instruction between the two, the call of work() included, to the single instruction, although
 * the board's counter advances only every 40, 50 or 125. Interrupts are masked in between. At most 2^32 ticks
 * of the counter can be measured. Without -icount the result means nothing; where nothing counts (host) it is
 * 0. */
#ifndef FW_MEASURE_H
#define FW_MEASURE_H

#include <stdint.h>

#include "fw_port.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Parts of the two functions below, which are inline so that nothing of them lies between the instants. */
void fw_instant_begin(void);
void fw_instant_end(void);
uint64_t fw_measure_result(void);

__attribute__((always_inline)) static inline void fw_measure_begin(void) {
  fw_port_irq_off();
  fw_instant_begin();
}

__attribute__((always_inline)) static inline uint64_t fw_measure_end(void) {
  fw_instant_end();
  const uint64_t instructions = fw_measure_result();
  fw_port_irq_on();
  return instructions;
}

#ifdef __cplusplus
}
#endif

#endif
