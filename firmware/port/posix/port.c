/* The host as a board: the link is standard input and output, the bulk channel is plain files in the working
 * folder. */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "fw_port.h"

enum { IDLE_MS = 10 };

static struct timespec started;

/* Nanoseconds of a steady clock; instructions are not counted here. */
const uint32_t fw_port_instructions_per_tick_q8 = 0;
const uint32_t fw_port_ticks_per_second = 1000000000u;

uint64_t fw_port_ticks(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void fw_port_init(void) {
  (void)clock_gettime(CLOCK_MONOTONIC, &started);
}

uint32_t fw_port_millis(void) {
  const uint64_t start = (uint64_t)started.tv_sec * 1000000000u + (uint64_t)started.tv_nsec;
  return (uint32_t)((fw_port_ticks() - start) / 1000000u);
}

void fw_port_idle(void) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  (void)poll(&input, 1, IDLE_MS);
}

uint32_t fw_port_read(uint8_t *bytes, uint32_t size) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  if (size == 0u || poll(&input, 1, 0) <= 0) return 0;
  const ssize_t count = read(STDIN_FILENO, bytes, size);
  if (count < 0) return 0;
  if (count == 0) fw_port_exit(0); /* whoever held the other end of the link is gone */
  return (uint32_t)count;
}

void fw_port_write(const uint8_t *bytes, uint32_t size) {
  while (size > 0u) {
    const ssize_t count = write(STDOUT_FILENO, bytes, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fw_port_exit(0); /* likewise */
    bytes += count;
    size -= (uint32_t)count;
  }
}

void fw_port_irq_off(void) {
}

void fw_port_irq_on(void) {
}

_Noreturn void fw_port_exit(int code) {
  exit(code);
}

_Noreturn void fw_port_reset(void) {
  exit(FW_EXIT_RESET);
}

int32_t fw_port_bulk_open(const char *name, fw_bulk_mode_t mode) {
  const int flags = mode == FW_BULK_READ ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC;
  const int handle = open(name, flags, 0644);
  return handle >= 0 ? handle : (int32_t)FW_E_UNKNOWN;
}

int32_t fw_port_bulk_read(int32_t handle, void *bytes, uint32_t size) {
  uint8_t *to = bytes;
  uint32_t done = 0;
  if (size > (uint32_t)INT32_MAX) return (int32_t)FW_E_ARGUMENT;
  while (done < size) {
    const ssize_t count = read(handle, to + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return (int32_t)FW_E_STATE;
    if (count == 0) break;
    done += (uint32_t)count;
  }
  return (int32_t)done;
}

int32_t fw_port_bulk_write(int32_t handle, const void *bytes, uint32_t size) {
  const uint8_t *from = bytes;
  uint32_t done = 0;
  if (size > (uint32_t)INT32_MAX) return (int32_t)FW_E_ARGUMENT;
  while (done < size) {
    const ssize_t count = write(handle, from + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return (int32_t)FW_E_STATE;
    done += (uint32_t)count;
  }
  return (int32_t)done;
}

void fw_port_bulk_close(int32_t handle) {
  (void)close(handle);
}

/* The host's stack is the operating system's: nothing is painted, and 0 says "not measured". */
void fw_port_stack_paint(void) {
}

uint32_t fw_port_stack_used(void) {
  return 0;
}
