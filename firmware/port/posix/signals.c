/* A process's two buttons: `kill -USR1` presses the first, `kill -USR2` the second, each alone and long enough to be
 * seen, however seldom the app looks. */
#define _POSIX_C_SOURCE 200809L

#include <signal.h>
#include <stddef.h>

#include "fw_port.h"

enum { BUTTONS = 2, HELD_MS = 50, HELD_READS = 4 };

static volatile sig_atomic_t came[BUTTONS];

static void press(int number) {
  came[number == SIGUSR2] = 1;
}

/* The next one to be held after `held`: none, then one that came. */
static uint32_t next(uint32_t held) {
  for (uint32_t i = 0; held == 0u && i < BUTTONS; i++) {
    if (came[i] == 0) continue;
    came[i] = 0;
    return 1u << i;
  }
  return 0;
}

uint32_t fw_port_buttons(void) {
  static uint32_t reads, since_ms, held;
  const uint32_t now_ms = fw_port_millis();
  static uint32_t ready;
  if (ready == 0u) {
    ready = 1;
    struct sigaction action = {.sa_handler = press};
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigaction(SIGUSR2, &action, NULL);
  }
  if (reads > HELD_READS && now_ms - since_ms >= HELD_MS) {
    const uint32_t before = held;
    held = next(held);
    if (held != before) reads = 0, since_ms = now_ms;
  }
  reads++;
  return held;
}
