/* What presses of buttons teach. */
#include <stddef.h>

#include "app/device.h"
#include "fw_buttons.h"
#include "fw_learning.h"

void fw_buttons_init(fw_buttons_t *buttons, const fw_button_t *table, uint32_t count, uint32_t level) {
  buttons->buttons = table;
  buttons->count = count;
  buttons->pressed = 0;
  fw_debounce_init(&buttons->switches, level);
}

static fw_status_t teach(fw_device_t *device, const fw_button_t *button, uint32_t *class_number) {
  fw_learning_t *const g = device->app->memory.learning;
  const uint32_t label = fw_device_find_label(device, button->label);
  if (g->has[button->sample] == 0u) return FW_E_UNKNOWN; /* before a class is added for it */
  if (label < fw_learning_labels(g)) {
    *class_number = fw_learning_class(g, label);
  } else {
    uint16_t added = 0;
    const fw_status_t status = g->refused != 0u ? FW_E_STATE : fw_learning_add_class(g, button->label, &added);
    if (status != FW_OK) return status;
    *class_number = added;
  }
  return fw_learning_teach(g, (fw_sample_kind_t)button->sample, *class_number);
}

static fw_status_t act(fw_device_t *device, const fw_button_t *button, uint32_t *class_number) {
  *class_number = FW_LEARNER_NEGATIVE;
  if (device->app->memory.learning->held != 0u) return FW_E_STATE; /* a round of the fleet has the head */
  /* A head that gives values has no classes that a button could name. */
  if (button->action != FW_PRESS_UNDO && fw_learning_has_values(device->app->memory.learning)) return FW_E_ARGUMENT;
  switch (button->action) {
    case FW_PRESS_RIGHT:
    case FW_PRESS_WRONG:
      return fw_device_feedback(device, button->action == FW_PRESS_RIGHT, class_number);
    case FW_PRESS_UNDO:
      fw_link_close_outbound(&device->link);
      return fw_keeper_undo(&device->app->memory.learning->keeper);
    default:
      return teach(device, button, class_number);
  }
}

static const char *code_of(const fw_learning_t *g, fw_status_t status) {
  if (g->refused != 0u) return "forbidden";
  if (status == FW_E_STATE) return "busy";
  return status == FW_E_SPACE ? "full" : status == FW_E_UNKNOWN ? "not_ready" : "bad_argument";
}

static void press(fw_device_t *device, const fw_button_t *button, uint32_t number) {
  static const char *const actions[] = {"right", "wrong", "undo", "teach"};
  fw_learning_t *const g = device->app->memory.learning;
  uint32_t class_number;
  const fw_status_t status = act(device, button, &class_number);
  fw_json_t *json = fw_link_line(&device->link);
  fw_json_uint(json, "button", number);
  fw_json_string(json, "action", actions[button->action]);
  if (status != FW_OK) {
    fw_json_string(json, "error", code_of(g, status));
  } else if (class_number != FW_LEARNER_NEGATIVE) {
    fw_json_text(json, "taught", fw_app_label(device->app, fw_learning_label(g, class_number)), 128);
  }
  fw_link_line_end(&device->link);
}

int fw_buttons_poll(fw_buttons_t *b, fw_device_t *device, uint32_t level, uint32_t now_ms) {
  b->pressed |= fw_debounce(&b->switches, level, now_ms);
  if (b->pressed == 0u || device->link.transmit_count != 0u) return 0;
  for (uint32_t i = 0; i < b->count; i++) {
    if ((b->pressed >> i & 1u) == 0u) continue;
    b->pressed &= ~(1u << i);
    press(device, &b->buttons[i], i + 1u);
    return 1;
  }
  b->pressed = 0; /* buttons that the app has no use for */
  return 0;
}
