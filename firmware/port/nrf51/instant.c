/* Exact instants on the nRF51: a store captures TIMER0 (TASKS_CAPTURE[0]), a load fetches CC[0]. */
#include "port/common/fw_instant.h"
#include "port/common/fw_port_parts.h"
#include "port/cortexm/fw_instant_thumb.h"

#define FW_READ_SETUP   "ldr r0, =0x40008040\n  ldr r4, =0x40008540\n  movs r5, #1"
#define FW_READ_COUNTER "str r5, [r0]\n  ldr r1, [r4]"
#define FW_READ_LENGTH  "2"

/* The assembly below does not name the part that starts the timer; this does, so that it is linked. */
__attribute__((used)) static uint32_t (*const needs)(void) = fw_clock_now;

FW_INSTANT_FUNCTION("fw_instant_begin", "fw_begun");
FW_INSTANT_FUNCTION("fw_instant_end", "fw_ended");
