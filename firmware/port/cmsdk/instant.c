/* Exact instants on MPS2 and MPS3: one load reads the counter. */
#include "port/common/fw_instant.h"
#include "port/common/fw_port_parts.h"
#include "port/cortexm/fw_instant_thumb.h"

/* In flash rather than an operand: the addresses in the board's definition are C constants, not the
 * assembler's. */
extern const uintptr_t fw_counter_register;
const uintptr_t fw_counter_register = FW_FPGAIO_BASE + 0x18u;

#define FW_READ_SETUP   "ldr r0, =fw_counter_register\n  ldr r0, [r0]"
#define FW_READ_COUNTER "ldr r1, [r0]"
#define FW_READ_LENGTH  "1"

FW_INSTANT_FUNCTION("fw_instant_begin", "fw_begun");
FW_INSTANT_FUNCTION("fw_instant_end", "fw_ended");
