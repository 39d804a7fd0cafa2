/* Buttons that teach: what a press means is the app's choice ([[learn.buttons]]), where the buttons are the board's.
 *
 *     fw_buttons_init(&buttons, app_buttons, app_button_count, fw_port_buttons());
 *     for (;;) {
 *       fw_buttons_poll(&buttons, &device, fw_port_buttons(), fw_port_millis()); // leaves at most one line to send
 *       …
 *     }
 */
#ifndef FW_BUTTONS_H
#define FW_BUTTONS_H

#include <stdint.h>

#include "fw_device.h"
#include "runtime/debounce.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  FW_PRESS_RIGHT = 0, /* the newest detection was right … */
  FW_PRESS_WRONG = 1, /* … or wrong */
  FW_PRESS_UNDO = 2,  /* back to what was learned before */
  FW_PRESS_TEACH = 3  /* a kept sample is of a class, which is added if there is none of that name */
} fw_press_t;

typedef struct {
  uint32_t action;   /* fw_press_t */
  uint32_t sample;   /* FW_PRESS_TEACH: fw_sample_kind_t */
  const char *label; /* FW_PRESS_TEACH: name of the class */
} fw_button_t;

typedef struct {
  const fw_button_t *buttons;
  uint32_t count;
  fw_debounce_t switches;
  uint32_t pressed; /* presses whose turn has not come */
} fw_buttons_t;

/* What is held at the start does not count as pressed. At most 32 buttons. */
void fw_buttons_init(fw_buttons_t *buttons, const fw_button_t *table, uint32_t count, uint32_t level);

/* Looks at the buttons, and acts on one press: {"button":1,"action":"teach","taught":"lamp"}, or with "error" the code
 * that the link's command would have answered, and nothing has changed. Returns 1 if there was a press. */
int fw_buttons_poll(fw_buttons_t *buttons, fw_device_t *device, uint32_t level, uint32_t now_ms);

#ifdef __cplusplus
}
#endif

#endif
