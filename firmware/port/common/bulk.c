/* Bulk channel through semihosting: plain files in the working folder of the emulator (or of the debugger).
 */
#include "port/common/fw_port_parts.h"

/* The loops below are to stay loops: calls of strlen, memcpy or memset would be larger than they are. */
#pragma GCC optimize("Os", "no-tree-loop-distribute-patterns")

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE = 0x05, SYS_READ = 0x06 };
enum { MODE_READ_BINARY = 1, MODE_WRITE_BINARY = 5 };

static uint32_t text_length(const char *text) {
  uint32_t length = 0;
  while (text[length] != '\0') length++;
  return length;
}

int32_t fw_port_bulk_open(const char *name, fw_bulk_mode_t mode) {
  const uint32_t parameters[3] = {(uint32_t)(uintptr_t)name,
                                  mode == FW_BULK_READ ? MODE_READ_BINARY : MODE_WRITE_BINARY, text_length(name)};
  const int32_t handle = fw_semihost(SYS_OPEN, parameters);
  return handle >= 0 ? handle : (int32_t)FW_E_UNKNOWN;
}

/* SYS_READ and SYS_WRITE return how many bytes were NOT transferred, or a negative number. */
static int32_t transfer(uint32_t operation, int32_t handle, uintptr_t bytes, uint32_t size) {
  const uint32_t parameters[3] = {(uint32_t)handle, (uint32_t)bytes, size};
  if (size > (uint32_t)INT32_MAX) return (int32_t)FW_E_ARGUMENT;
  if (size == 0u) return 0;
  const int32_t left = fw_semihost(operation, parameters);
  if (left < 0 || (uint32_t)left > size) return (int32_t)FW_E_STATE;
  return (int32_t)(size - (uint32_t)left);
}

int32_t fw_port_bulk_read(int32_t handle, void *bytes, uint32_t size) {
  return transfer(SYS_READ, handle, (uintptr_t)bytes, size);
}

int32_t fw_port_bulk_write(int32_t handle, const void *bytes, uint32_t size) {
  return transfer(SYS_WRITE, handle, (uintptr_t)bytes, size);
}

void fw_port_bulk_close(int32_t handle) {
  const uint32_t parameters[1] = {(uint32_t)handle};
  (void)fw_semihost(SYS_CLOSE, parameters);
}
