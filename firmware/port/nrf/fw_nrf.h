/* Peripherals that the nRF51 and nRF52 series have alike (nRF51 Series Reference Manual 3.0, nRF52840 Product
 * Specification 1.7): GPIO port 0, the timers, and the controller of
 * the flash. */
#ifndef FW_NRF_H
#define FW_NRF_H

#include "port/cortexm/fw_cortexm.h"

#define FW_GPIO_BASE   0x50000000u
#define FW_TIMER0_BASE 0x40008000u /* 32 bits in both series: the free-running counter */

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

#define FW_NVMC_READY     FW_REGISTER(0x4001E400u)
#define FW_NVMC_CONFIG    FW_REGISTER(0x4001E504u)
#define FW_NVMC_ERASEPAGE FW_REGISTER(0x4001E508u)

#endif
