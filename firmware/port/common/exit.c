/* End of the program: an emulator or debugger takes the exit code; alone on a board the program starts again.
 */
#include "port/common/fw_port_parts.h"

enum { SYS_EXIT_EXTENDED = 0x20, REASON_APPLICATION_EXIT = 0x20026 };

_Noreturn void fw_port_exit(int code) {
  const uint32_t parameters[2] = {REASON_APPLICATION_EXIT, (uint32_t)code};
  (void)fw_semihost(SYS_EXIT_EXTENDED, parameters);
  fw_port_reset();
}
