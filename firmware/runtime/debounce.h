/* Presses of switches, told from their bouncing. */
#ifndef FW_DEBOUNCE_H
#define FW_DEBOUNCE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longer than switches bounce; a press is at least as long. */
#define FW_DEBOUNCE_MS 20u

typedef struct {
  uint32_t held;     /* bit i: switch i is closed, as far as is certain */
  uint32_t level;    /* as it was read last … */
  uint32_t since_ms; /* … and since when */
} fw_debounce_t;

/* What is closed at the start does not count as pressed. */
void fw_debounce_init(fw_debounce_t *switches, uint32_t level);

/* The switches that `level`, read now, makes certain to have been pressed. */
uint32_t fw_debounce(fw_debounce_t *switches, uint32_t level, uint32_t now_ms);

#ifdef __cplusplus
}
#endif

#endif
