/* Commands of a member of a fleet. Linked only into apps that take part in federations (FW_FLEET). */
#include <stddef.h>
#include <string.h>

#include "app/device.h"
#include "fw_float.h"
#include "fw_learning.h"
#include "learn/adapters.h"
#include "learn/learner.h"
#include "runtime/crc32.h"

static const char *const TASK = "task"; /* the blob that `fleet begin` and `fleet evaluate` take */

static fw_participant_t *participant_of(const fw_device_t *device) {
  return device->app->memory.participant;
}

static fw_learning_t *learning_of(const fw_device_t *device) {
  return device->app->memory.learning;
}

static void ok(fw_device_t *device) {
  fw_link_answer(&device->link);
  fw_link_answer_end(&device->link);
}

/* Returns 1 (and has answered) while a task is worked on, or the learner is busy with something of its own. */
static int is_busy(fw_device_t *device) {
  if (!participant_of(device)->is_busy && !fw_keeper_is_busy(&learning_of(device)->keeper)) return 0;
  fw_link_error(&device->link, "busy", "a task is worked on, or something else is learned: see fleet status",
                FW_COMMAND_WORDS);
  return 1;
}

/* Of everything that tasks train on and heads are measured with: count of each of the model's classes and its
 * rows, then guard labels and rows. So a host that has the same recordings can tell whether the device
 * heard what it did. */
static uint32_t samples_crc(fw_learner_t *l) {
  const uint32_t row = fw_learner_row_bytes(&l->config);
  uint32_t crc = 0;
  for (uint32_t c = 0; c < l->classes; ++c) {
    if (l->table[c].anchor == FW_LEARNER_NO_ANCHOR) continue;
    crc = fw_crc32(crc, &l->table[c].own, 1);
    crc = fw_crc32(crc, fw_learner_replay_row(l, c, 0), row * l->table[c].own);
  }
  crc = fw_crc32(crc, l->guard_labels, 2u * l->guard_count);
  return fw_crc32(crc, l->guard, row * l->guard_count);
}

static void status(fw_device_t *device) {
  const fw_participant_t *const p = participant_of(device);
  fw_learner_t *const l = &learning_of(device)->learner;
  uint32_t kept = 0;
  uint32_t tests = 0;
  for (uint32_t c = 0; c < l->classes; ++c) kept += l->table[c].own;
  for (uint32_t i = 0; i < l->guard_count; ++i) tests += l->guard_labels[i] != FW_LEARNER_NEGATIVE;
  fw_json_t *json = fw_link_answer(&device->link);
  fw_json_hex32(json, "model", p->model);
  fw_json_uint(json, "parameters", p->count);
  fw_json_uint(json, "version", p->state.version);
  fw_json_uint(json, "task", p->state.sequence);
  fw_json_bool(json, "busy", p->is_busy);
  fw_json_uint(json, "step", p->step);
  fw_json_uint(json, "kept", kept);
  fw_json_uint(json, "tests", tests);
  fw_json_hex32(json, "samples_crc32", samples_crc(l));
  fw_link_answer_end(&device->link);
}

static void refuse_sample(fw_device_t *device, fw_status_t status, int is_test) {
  if (status == FW_E_ARGUMENT) {
    fw_link_error(&device->link, "bad_argument", "a federation learns the model's own classes only", 2);
  } else if (is_test) {
    fw_link_error(&device->link, "forbidden", "this app keeps no tests: its guard_samples is 0", 3);
  } else {
    fw_link_error(&device->link, "busy", "something else is learned", FW_COMMAND_WORDS);
  }
}

/* fleet keep LABEL|#INDEX [test]: the newest sample, to train on or to measure heads with. */
static void keep(fw_device_t *device) {
  const fw_command_t *const command = &device->link.command;
  fw_learning_t *const g = learning_of(device);
  const int is_test = command->word_count == 4u && fw_command_is(command, 3, "test");
  if (command->word_count != 3u && !is_test) {
    fw_link_error(&device->link, "bad_argument", "fleet keep LABEL|#INDEX [test]", 3);
    return;
  }
  const uint32_t label = fw_device_find_label(device, command->words[2]);
  const uint32_t class_number = label < fw_learning_labels(g) ? fw_learning_class(g, label) : FW_LEARNER_NEGATIVE;
  if (class_number == FW_LEARNER_NEGATIVE) {
    fw_link_error(&device->link, "unknown_name", "there is no such label", 2);
    return;
  }
  if (g->has[FW_SAMPLE_NEWEST] == 0u) {
    fw_link_error(&device->link, "not_ready", "there is no such sample yet", FW_COMMAND_WORDS);
    return;
  }
  if (is_busy(device)) return;
  const fw_status_t done = is_test ? fw_learner_guard(&g->learner, g->config->samples, (uint16_t)class_number)
                                   : fw_learner_keep(&g->learner, g->config->samples, (uint16_t)class_number);
  if (done != FW_OK) {
    refuse_sample(device, done, is_test);
    return;
  }
  fw_keeper_changed(&g->keeper);
  ok(device);
}

/* The blob that was put, or 0 (and has answered). */
static const uint8_t *take(fw_device_t *device, uint32_t *bytes) {
  uint32_t index = 0;
  while (index < device->blob_count && strcmp(device->blobs[index].name, TASK) != 0) index++;
  if (fw_device_take_blob(device, index, bytes)) return device->blobs[index].bytes;
  fw_link_error(&device->link, "not_ready", "nothing was put: put task first", FW_COMMAND_WORDS);
  return NULL;
}

static void begin(fw_device_t *device) {
  fw_participant_t *const p = participant_of(device);
  uint32_t bytes = 0;
  if (is_busy(device)) return;
  const uint8_t *const task = take(device, &bytes);
  if (task == NULL) return;
  fw_link_close_outbound(&device->link); /* the answer before this one is about to be overwritten */
  switch (fw_participant_begin(p, task, bytes)) {
    case FW_OK: {
      learning_of(device)->held = p->is_busy;
      fw_json_t *json = fw_link_answer(&device->link);
      fw_json_uint(json, "task", p->state.sequence);
      fw_json_bool(json, "busy", p->is_busy);
      fw_link_answer_end(&device->link);
      break;
    }
    case FW_E_STATE:
      fw_link_error(&device->link, "busy", "another task is worked on", FW_COMMAND_WORDS);
      break;
    default:
      fw_link_error(&device->link, "bad_argument", "it is no task, or damaged", FW_COMMAND_WORDS);
      break;
  }
}

static void evaluate(fw_device_t *device) {
  fw_participant_t *const p = participant_of(device);
  uint32_t bytes = 0;
  uint16_t tested = 0;
  if (is_busy(device)) return;
  const uint8_t *const head = take(device, &bytes);
  if (head == NULL) return;
  if (bytes != 4u * p->count) {
    fw_link_error(&device->link, "bad_argument", "a head is as many float32 as fleet status has parameters",
                  FW_COMMAND_WORDS);
    return;
  }
  const uint32_t correct = fw_participant_evaluate(p, (const float *)(const void *)head, &tested);
  fw_json_t *json = fw_link_answer(&device->link);
  fw_json_uint(json, "correct", correct);
  fw_json_uint(json, "tested", tested);
  fw_link_answer_end(&device->link);
}

/* Bits of an exponent of all ones: infinite, or not a number. */
static int is_finite(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (bits & 0x7F800000u) != 0x7F800000u;
}

/* The parameters that were put, or 0 (and has answered). */
static const float *take_parameters(fw_device_t *device) {
  const fw_participant_t *const p = participant_of(device);
  uint32_t bytes = 0;
  const float *const values = (const float *)(const void *)take(device, &bytes);
  if (values == NULL) return NULL;
  int is_sound = bytes == 4u * p->count;
  for (uint32_t i = 0; is_sound && i < p->count; ++i) is_sound = is_finite(values[i]);
  if (is_sound) return values;
  fw_link_error(&device->link, "bad_argument", "a head is as many finite float32 as fleet status has parameters",
                FW_COMMAND_WORDS);
  return NULL;
}

/* fleet restore unsent, fleet restore held VERSION TASK: what the device had after its last task and has forgotten,
 * from a gateway that has computed it, too. */
static void restore(fw_device_t *device) {
  const fw_command_t *const command = &device->link.command;
  fw_participant_t *const p = participant_of(device);
  fw_participant_state_t state;
  const int is_unsent = command->word_count == 3u && fw_command_is(command, 2, "unsent");
  const int is_held = command->word_count == 5u && fw_command_is(command, 2, "held") &&
                      fw_command_uint(command, 3, UINT32_MAX, &state.version) &&
                      fw_command_uint(command, 4, UINT32_MAX, &state.sequence);
  if (!is_unsent && !is_held) {
    fw_link_error(&device->link, "bad_argument", "fleet restore unsent, or held VERSION TASK", 2);
    return;
  }
  if (is_busy(device)) return;
  const float *const values = take_parameters(device);
  if (values == NULL) return;
  memcpy(is_held ? p->held : p->residual, values, sizeof(float) * p->count);
  if (is_held) p->state = state;
  ok(device);
}

/* fleet adopt: the head that was put becomes the device's own, for the model's classes, and so do the adapters; added
 * classes stay as they are. */
static void adopt(fw_device_t *device) {
  fw_learning_t *const g = learning_of(device);
  fw_learner_t *const l = &g->learner;
  if (is_busy(device)) return;
  const float *const head = take_parameters(device);
  if (head == NULL) return;
  const uint32_t features = l->config.features;
  const uint32_t most = l->config.classes_most;
  for (uint32_t c = 0; c < l->classes; ++c) {
    const uint32_t row = l->table[c].anchor;
    if (row == FW_LEARNER_NO_ANCHOR) continue;
    memcpy(l->head + c * features, head + row * features, sizeof(float) * features);
    l->head[most * features + c] = head[(uint32_t)l->factory.classes * features + row];
  }
  const uint32_t channels = fw_adapters_channels(&l->config);
  if (channels) { /* a mean of changes may lie a rounding beyond the limits, one with noise farther */
    float *const own = l->head + FW_LEARNER_HEAD_FLOATS(features, most);
    memcpy(own, head + FW_LEARNER_HEAD_FLOATS(features, l->factory.classes), sizeof(float) * 2u * channels);
    fw_adapters_confine(&l->config.adapters, own);
  }
  memset(l->velocity, 0, sizeof(float) * fw_learner_floats(&l->config));
  fw_keeper_changed(&g->keeper);
  ok(device);
}

void fw_device_get_update(fw_device_t *device) {
  const fw_participant_t *const p = participant_of(device);
  if (p->is_busy || p->answer_bytes == 0u) {
    fw_link_error(&device->link, "not_ready", "there is no answer to a task: put task, fleet begin, and wait", 1);
    return;
  }
  fw_device_open_get(device, p->answer, p->answer_bytes);
}

int fw_device_fleet_command(fw_device_t *device) {
  const fw_command_t *const command = &device->link.command;
  if (participant_of(device) == NULL || !fw_command_is(command, 0, "fleet")) return 0;
  const int is_pair = command->word_count == 2u;
  if (is_pair && fw_command_is(command, 1, "status")) {
    status(device);
    return 1;
  }
  if (!fw_link_admit(&device->link)) return 1;
  if (learning_of(device)->refused != 0u) {
    fw_link_error(&device->link, "forbidden", "the self-test failed: this build must not learn", FW_COMMAND_WORDS);
  } else if (fw_command_is(command, 1, "keep")) {
    keep(device);
  } else if (is_pair && fw_command_is(command, 1, "begin")) {
    begin(device);
  } else if (is_pair && fw_command_is(command, 1, "evaluate")) {
    evaluate(device);
  } else if (is_pair && fw_command_is(command, 1, "adopt")) {
    adopt(device);
  } else if (fw_command_is(command, 1, "restore")) {
    restore(device);
  } else {
    fw_link_error(&device->link, "bad_argument",
                  "fleet status, begin, evaluate, adopt, restore, or keep LABEL|#INDEX [test]", 1);
  }
  return 1;
}
