/* Commands about learning. Linked only into apps that learn (FW_LEARN). */
#include <stddef.h>
#include <string.h>

#include "app/device.h"
#include "fw_learning.h"

enum { PRACTICE_PASSES = 20, PASSES_MOST = 1000 };

static const char *const IMPORT = "head"; /* the blob that `import` takes */

static fw_learning_t *learning_of(const fw_device_t *device) {
  return device->app->memory.learning;
}

static void ok(fw_device_t *device) {
  fw_link_answer(&device->link);
  fw_link_answer_end(&device->link);
}

/* Whoever streams wants the answers of one head. Returns 1 (and has answered) while a host feeds the app. */
static int is_streaming(fw_device_t *device) {
  if (device->app->source != FW_SOURCE_LINK) return 0;
  fw_link_error(&device->link, "busy", "a stream is running: stream stop first", FW_COMMAND_WORDS);
  return 1;
}

static void refuse(fw_device_t *device, fw_status_t status, const char *argument_message, uint32_t word) {
  fw_link_t *const link = &device->link;
  if (learning_of(device)->refused != 0u) {
    fw_link_error(link, "forbidden", "the self-test failed: this build must not learn", FW_COMMAND_WORDS);
    return;
  }
  switch (status) {
    case FW_E_STATE:
      fw_link_error(link, "busy", "learning or saving: see learn status", FW_COMMAND_WORDS);
      break;
    case FW_E_SPACE:
      fw_link_error(link, "full", "there is no room for another class", word);
      break;
    case FW_E_UNKNOWN:
      fw_link_error(link, "not_ready", argument_message, word);
      break;
    default:
      fw_link_error(link, "bad_argument", argument_message, word);
      break;
  }
}

/* The class that a word names, as a label does; FW_LEARNER_NEGATIVE if none. */
static uint32_t find_class(const fw_device_t *device, uint32_t word) {
  const fw_command_t *command = &device->link.command;
  const uint32_t label =
      word < command->word_count ? fw_device_find_label(device, command->words[word]) : FW_LEARNER_NEGATIVE;
  return label < fw_learning_labels(learning_of(device)) ? fw_learning_class(learning_of(device), label)
                                                         : (uint32_t)FW_LEARNER_NEGATIVE;
}

static void answer_class(fw_device_t *device, uint32_t class_number) {
  const uint32_t label = fw_learning_label(learning_of(device), class_number);
  fw_json_t *json = fw_link_answer(&device->link);
  fw_json_uint(json, "index", label);
  fw_json_text(json, "label", fw_app_label(device->app, label), FW_LEARNER_NAME_BYTES);
  fw_link_answer_end(&device->link);
}

/* What only classes can do. Returns 1 (and has answered) where the outputs are values. */
static int has_no_classes(fw_device_t *device) {
  if (!fw_learning_has_values(learning_of(device))) return 0;
  fw_link_error(&device->link, "bad_argument", "this app's outputs are values, not classes", 0);
  return 1;
}

/* An autoencoder learns what is normal, the first of its two labels, and nothing else. */
static void teach_normal(fw_device_t *device, fw_sample_kind_t kind, uint32_t label) {
  fw_learning_t *const g = learning_of(device);
  if (label != 0u) {
    fw_link_error(&device->link, "bad_argument", "only what is normal can be taught", 1);
    return;
  }
  const fw_status_t status = fw_learning_teach_values(g, kind);
  if (status == FW_OK) {
    fw_json_t *json = fw_link_answer(&device->link);
    fw_json_uint(json, "index", label);
    fw_json_text(json, "label", fw_app_label(device->app, label), 128);
    fw_link_answer_end(&device->link);
  } else {
    refuse(device, status, "there is no such sample yet", 1);
  }
}

static void answer_taught(fw_device_t *device, fw_status_t status, uint32_t class_number, uint32_t word) {
  if (status == FW_OK) {
    answer_class(device, class_number);
  } else {
    refuse(device, status, status == FW_E_UNKNOWN ? "there is no such sample" : "there is no such label", word);
  }
}

/* teach LABEL|#INDEX [detected|missed [NUMBER]] */
static void teach(fw_device_t *device) {
  const fw_command_t *command = &device->link.command;
  const uint32_t labels = device->app->config->detector.class_count;
  const int has_values = fw_learning_has_values(learning_of(device));
  const uint32_t label = command->word_count > 1u ? fw_device_find_label(device, command->words[1]) : labels;
  const uint32_t class_number =
      has_values ? (label < labels ? label : (uint32_t)FW_LEARNER_NEGATIVE) : find_class(device, 1);
  fw_sample_kind_t kind = FW_SAMPLE_NEWEST;
  uint32_t number = 0;
  const int is_numbered = command->word_count == 4u;
  int is_known = command->word_count == 2u;
  if (fw_command_is(command, 2, "detected")) kind = FW_SAMPLE_DETECTED, is_known = command->word_count == 3u;
  if (fw_command_is(command, 2, "missed")) {
    kind = FW_SAMPLE_MISSED;
    is_known = command->word_count == 3u || (is_numbered && fw_command_uint(command, 3, 0xFFFFFFFFu, &number));
  }
  if (!is_known) {
    fw_link_error(&device->link, "bad_argument", "teach LABEL|#INDEX [detected|missed [NUMBER]]", 2);
  } else if (class_number == FW_LEARNER_NEGATIVE) {
    fw_link_error(&device->link, "unknown_name", "there is no such label", 1);
  } else if (is_streaming(device)) {
    return;
  } else if (has_values) {
    teach_normal(device, kind, label);
  } else {
    fw_learning_t *const g = learning_of(device);
    const fw_status_t status =
        is_numbered ? fw_learning_teach_miss(g, number, class_number) : fw_learning_teach(g, kind, class_number);
    answer_taught(device, status, class_number, is_numbered ? 3 : 1);
  }
}

/* Which class a wrong detection should have been: the other one of two, the background; else none that is known. */
static uint32_t instead_of(const fw_device_t *device, uint32_t label) {
  const fw_learning_t *const g = learning_of(device);
  const fw_detector_config_t *detector = &device->app->config->detector;
  if (detector->class_count == 2u) return fw_learning_class(g, 1u - label);
  for (uint32_t i = 0; i < detector->class_count; i++) {
    if (detector->background[i] != 0u && i != label) return fw_learning_class(g, i);
  }
  return FW_LEARNER_NEGATIVE;
}

/* No class to teach: from now on the sample counts among the negatives that updates may not accept. */
static fw_status_t guard_against(fw_learning_t *g) {
  const int8_t *const sample = g->config->samples + FW_SAMPLE_DETECTED * fw_learner_row_bytes(&g->learner_config);
  if (fw_keeper_is_busy(&g->keeper) || g->learner_config.guard_samples == 0u || g->refused != 0u) return FW_E_STATE;
  const fw_status_t status = fw_learner_guard(&g->learner, sample, FW_LEARNER_NEGATIVE);
  if (status == FW_OK) fw_keeper_changed(&g->keeper);
  return status;
}

fw_status_t fw_device_feedback(fw_device_t *device, int is_right, uint32_t *class_number) {
  fw_learning_t *const g = learning_of(device);
  *class_number = FW_LEARNER_NEGATIVE;
  if (g->has[FW_SAMPLE_DETECTED] == 0u) return FW_E_UNKNOWN;
  *class_number = is_right ? fw_learning_class(g, g->detected) : instead_of(device, g->detected);
  if (*class_number != FW_LEARNER_NEGATIVE) return fw_learning_teach(g, FW_SAMPLE_DETECTED, *class_number);
  return is_right ? FW_E_UNKNOWN : guard_against(g);
}

static void feedback(fw_device_t *device) {
  const fw_learning_t *const g = learning_of(device);
  const fw_command_t *command = &device->link.command;
  const int is_right = fw_command_is(command, 1, "right");
  if (command->word_count != 2u || (!is_right && !fw_command_is(command, 1, "wrong"))) {
    fw_link_error(&device->link, "bad_argument", "feedback right, or feedback wrong", 1);
    return;
  }
  if (is_streaming(device)) return;
  if (fw_learning_has_values(g) && g->has[FW_SAMPLE_DETECTED] != 0u) {
    teach_normal(device, FW_SAMPLE_DETECTED, is_right ? g->detected : 0u);
    return;
  }
  uint32_t class_number;
  const fw_status_t status = fw_device_feedback(device, is_right, &class_number);
  if (status != FW_OK) {
    const int detected = learning_of(device)->has[FW_SAMPLE_DETECTED];
    refuse(device, status, detected ? "the class that was detected is gone" : "nothing was detected yet",
           FW_COMMAND_WORDS);
  } else if (class_number != FW_LEARNER_NEGATIVE) {
    answer_class(device, class_number);
  } else {
    ok(device);
  }
}

static void practise(fw_device_t *device) {
  const fw_command_t *command = &device->link.command;
  uint32_t passes = PRACTICE_PASSES;
  if (command->word_count > 2u ||
      (command->word_count == 2u && (!fw_command_uint(command, 1, PASSES_MOST, &passes) || passes == 0u))) {
    fw_link_error(&device->link, "bad_argument", "practise [PASSES], from 1 to 1000", 1);
    return;
  }
  if (is_streaming(device) || has_no_classes(device)) return;
  const fw_status_t status = fw_learner_practise(&learning_of(device)->learner, (uint16_t)passes);
  if (status == FW_OK) {
    ok(device);
  } else {
    refuse(device, status, "", FW_COMMAND_WORDS);
  }
}

static const char *const NAME_RULE = "a name has 1 to 19 bytes, begins with none of # @ *, and no other class has it";

/* Not what commands take for a number, or lines for what protects them. */
static int is_name(const char *word) {
  return word[0] != '#' && word[0] != '@' && word[0] != '*';
}

static void class_add(fw_device_t *device, const char *name) {
  uint16_t class_number = 0;
  const fw_status_t status =
      is_name(name) ? fw_learning_add_class(learning_of(device), name, &class_number) : FW_E_ARGUMENT;
  if (status == FW_OK) {
    answer_class(device, class_number);
  } else {
    refuse(device, status, NAME_RULE, 2);
  }
}

static void class_change(fw_device_t *device, const char *name) {
  fw_learning_t *const g = learning_of(device);
  const uint32_t class_number = find_class(device, 2);
  if (class_number == FW_LEARNER_NEGATIVE) {
    fw_link_error(&device->link, "unknown_name", "there is no such label", 2);
    return;
  }
  fw_status_t status = FW_E_ARGUMENT;
  if (name == NULL) {
    status = fw_learning_remove_class(g, class_number);
  } else if (is_name(name)) {
    status = fw_learning_rename_class(g, class_number, name);
  }
  if (status != FW_OK) {
    refuse(device, status, name != NULL ? NAME_RULE : "the last class stays", name != NULL ? 3 : 2);
  } else {
    ok(device);
  }
}

static void class_command(fw_device_t *device) {
  const fw_command_t *command = &device->link.command;
  const uint32_t words = command->word_count;
  if (is_streaming(device) || has_no_classes(device)) return;
  if (words == 3u && fw_command_is(command, 1, "add")) {
    class_add(device, command->words[2]);
  } else if (words == 3u && fw_command_is(command, 1, "remove")) {
    class_change(device, NULL);
  } else if (words == 4u && fw_command_is(command, 1, "rename")) {
    class_change(device, command->words[3]);
  } else {
    fw_link_error(&device->link, "bad_argument", "class add NAME, remove LABEL, or rename LABEL NAME", 1);
  }
}

/* ---- keeping ---- */

static void save(fw_device_t *device) {
  const fw_status_t status = fw_keeper_save(&learning_of(device)->keeper);
  fw_link_close_outbound(&device->link); /* the record that was got may be the next to be erased */
  if (status == FW_OK) {
    ok(device);
  } else {
    refuse(device, status, "this board has no flash for it", FW_COMMAND_WORDS);
  }
}

static void undo(fw_device_t *device) {
  if (is_streaming(device)) return;
  const fw_status_t status = fw_keeper_undo(&learning_of(device)->keeper);
  fw_link_close_outbound(&device->link);
  if (status == FW_OK) {
    ok(device);
  } else {
    refuse(device, status, "there is nothing to go back to", FW_COMMAND_WORDS);
  }
}

static void reset_learned(fw_device_t *device) {
  if (is_streaming(device)) return;
  const fw_status_t status = fw_keeper_reset(&learning_of(device)->keeper);
  fw_link_close_outbound(&device->link);
  if (status == FW_OK) {
    ok(device);
  } else {
    refuse(device, status, "", FW_COMMAND_WORDS);
  }
}

static void import(fw_device_t *device) {
  fw_learning_t *const g = learning_of(device);
  uint32_t bytes = 0;
  uint32_t index = 0;
  if (is_streaming(device)) return;
  while (index < device->blob_count && strcmp(device->blobs[index].name, IMPORT) != 0) index++;
  if (fw_keeper_is_busy(&g->keeper)) {
    refuse(device, FW_E_STATE, "", FW_COMMAND_WORDS);
    return;
  }
  if (!fw_device_take_blob(device, index, &bytes)) {
    fw_link_error(&device->link, "not_ready", "nothing was put: put head first", FW_COMMAND_WORDS);
    return;
  }
  switch (fw_keeper_import(&g->keeper, device->blobs[index].bytes, bytes)) {
    case FW_OK:
      ok(device);
      break;
    case FW_E_ARGUMENT:
      fw_link_error(&device->link, "other_model", "it was learned with another model", FW_COMMAND_WORDS);
      break;
    case FW_E_SPACE:
      fw_link_error(&device->link, "full", "it has more classes than there is room for", FW_COMMAND_WORDS);
      break;
    default:
      fw_link_error(&device->link, "bad_argument", "it is damaged, or of a newer version", FW_COMMAND_WORDS);
      break;
  }
}

/* learn calibrate [N] */
static void learn_calibrate(fw_device_t *device) {
  fw_learning_t *const g = learning_of(device);
  const fw_command_t *command = &device->link.command;
  uint32_t accepted = 0;
  if (command->word_count == 3u && !fw_command_uint(command, 2, g->learner_config.guard_samples, &accepted)) {
    fw_link_error(&device->link, "bad_argument", "learn calibrate [N], at most the guard's samples", 2);
    return;
  }
  if (is_streaming(device) || has_no_classes(device)) return;
  if (g->refused != 0u || fw_keeper_is_busy(&g->keeper)) {
    refuse(device, FW_E_STATE, "", FW_COMMAND_WORDS);
  } else if (fw_learner_calibrate(&g->learner, (uint16_t)accepted) != FW_OK) {
    refuse(device, FW_E_UNKNOWN, "the guard has nothing of no class yet: feedback wrong", FW_COMMAND_WORDS);
  } else {
    fw_keeper_changed(&g->keeper);
    ok(device);
  }
}

/* ---- looking ---- */

static void learn_status(fw_device_t *device) {
  static const char *const origins[] = {"factory", "saved", "previous"};
  static const char *const results[] = {"none", "none", "accepted", "rolled_back", "fault"};
  const fw_learning_t *const g = learning_of(device);
  fw_json_t *json = fw_link_answer(&device->link);
  fw_json_uint(json, "classes", g->learner.classes);
  fw_json_uint(json, "classes_most", g->learner_config.classes_most);
  fw_json_uint(json, "features", g->learner_config.features);
  fw_json_bool(json, "busy", fw_keeper_is_busy(&g->keeper));
  fw_json_uint(json, "updates", g->learner.updates);
  fw_json_uint(json, "taught", g->teachings);
  fw_json_string(json, "last", results[g->last <= FW_KEEPER_FAULT ? g->last : 0]);
  fw_json_uint(json, "rollbacks", g->learner.rollbacks);
  fw_json_uint(json, "guard", g->learner.guard_count);
  fw_json_uint(json, "reject_below_ppm", (uint32_t)(g->learner.reject_below * 1e6f + 0.5f));
  fw_json_string(json, "origin", origins[g->keeper.origin]);
  fw_json_bool(json, "store", g->keeper.has_store);
  fw_json_bool(json, "unsaved", g->keeper.unsaved);
  fw_json_uint(json, "saved", g->keeper.store.sequence);
  fw_json_bool(json, "failed", g->store_failed);
  fw_json_uint(json, "slots", g->keeper.store.slots);
  fw_json_bool(json, "sample", g->has[FW_SAMPLE_NEWEST]);
  fw_json_bool(json, "detected", g->has[FW_SAMPLE_DETECTED]);
  fw_json_bool(json, "missed", g->has[FW_SAMPLE_MISSED]);
  fw_json_uint(json, "misses", g->misses);
  fw_json_uint(json, "misses_most", g->config->misses_most);
  fw_link_answer_end(&device->link);
}

/* learn missed NUMBER */
static void learn_missed(fw_device_t *device) {
  uint32_t number;
  fw_miss_t miss;
  if (!fw_command_uint(&device->link.command, 2, 0xFFFFFFFFu, &number) ||
      !fw_learning_miss(learning_of(device), number, &miss)) {
    fw_link_error(&device->link, "unknown_name", "there is no near miss of this number: see learn status", 2);
    return;
  }
  fw_json_t *json = fw_link_answer(&device->link);
  fw_json_uint(json, "n", number);
  fw_json_uint(json, "t_ms", miss.t_ms);
  fw_json_uint(json, "index", miss.label);
  fw_json_text(json, "label", fw_app_label(device->app, miss.label), 128);
  fw_json_q15(json, "confidence", miss.posterior_q15);
  fw_link_answer_end(&device->link);
}

/* learn class LABEL|#INDEX */
static void learn_class(fw_device_t *device) {
  const fw_learning_t *const g = learning_of(device);
  if (has_no_classes(device)) return;
  const uint32_t class_number = find_class(device, 2);
  if (class_number == FW_LEARNER_NEGATIVE || class_number >= g->learner.classes) {
    fw_link_error(&device->link, "unknown_name", "there is no such label", 2);
    return;
  }
  const fw_learner_class_t *const entry = &g->learner.table[class_number];
  const uint32_t label = fw_learning_label(g, class_number);
  fw_json_t *json = fw_link_answer(&device->link);
  fw_json_uint(json, "index", label);
  fw_json_text(json, "label", fw_app_label(device->app, label), 128);
  fw_json_uint(json, "taught", entry->taught);
  fw_json_uint(json, "kept", entry->own);
  fw_json_uint(json, "stored", entry->stored);
  fw_json_bool(json, "added", entry->anchor == FW_LEARNER_NO_ANCHOR);
  fw_link_answer_end(&device->link);
}

/* {"values":[…]}, of a regression; {"index":1,"label":"anomaly","confidence":0.83}, of an autoencoder: by the head as
 * it is now. */
static void answer_values(fw_device_t *device) {
  fw_app_t *const app = device->app;
  const fw_app_config_t *const config = app->config;
  if (config->detector.class_count == 0u) {
    (void)fw_learner_classify(&learning_of(device)->learner, learning_of(device)->config->samples);
    fw_json_t *json = fw_link_answer(&device->link);
    fw_json_array(json, "values");
    for (uint32_t i = 0; i < fw_app_value_count(app) && i < FW_DEVICE_VALUES; i++) {
      fw_json_float(json, NULL, fw_app_value(app, i));
    }
    fw_json_array_end(json);
  } else {
    fw_app_look_again(app);
    const uint32_t label = app->memory.posteriors[1] >= config->detector.thresholds_q15[1];
    fw_json_t *json = fw_link_answer(&device->link);
    fw_json_uint(json, "index", label);
    fw_json_text(json, "label", fw_app_label(device->app, label), 128);
    fw_json_q15(json, "confidence", app->memory.posteriors[label]);
    fw_json_bool(json, "accepted", 1);
  }
  fw_link_answer_end(&device->link);
}

/* learn answer: what the newest sample is, by the head as it is now. */
static void learn_answer(fw_device_t *device) {
  fw_learning_t *const g = learning_of(device);
  if (g->has[FW_SAMPLE_NEWEST] == 0u) {
    fw_link_error(&device->link, "not_ready", "there is no such sample yet", FW_COMMAND_WORDS);
    return;
  }
  if (fw_learning_has_values(g)) {
    answer_values(device);
    return;
  }
  const fw_learner_answer_t answer = fw_learner_classify_row(&g->learner, g->config->samples);
  const uint32_t label = fw_learning_label(g, answer.label);
  fw_json_t *json = fw_link_answer(&device->link);
  fw_json_uint(json, "index", label);
  fw_json_text(json, "label", fw_app_label(device->app, label), 128);
  fw_json_float(json, "confidence", answer.confidence);
  fw_json_bool(json, "accepted", answer.accepted);
  fw_link_answer_end(&device->link);
}

int fw_device_learn_command(fw_device_t *device) {
  const fw_command_t *command = &device->link.command;
  if (learning_of(device) == NULL) return 0;
  const int is_calibrate =
      command->word_count <= 3u && fw_command_is(command, 0, "learn") && fw_command_is(command, 1, "calibrate");
  if (!is_calibrate && fw_command_is(command, 0, "learn")) {
    if (command->word_count == 2u && fw_command_is(command, 1, "status")) {
      learn_status(device);
    } else if (command->word_count == 2u && fw_command_is(command, 1, "answer")) {
      learn_answer(device);
    } else if (command->word_count == 3u && fw_command_is(command, 1, "class")) {
      learn_class(device);
    } else if (command->word_count == 3u && fw_command_is(command, 1, "missed")) {
      learn_missed(device);
    } else {
      fw_link_error(&device->link, "bad_argument",
                    "learn status, answer, class LABEL|#INDEX, missed N, or calibrate [N]", 1);
    }
    return 1;
  }
  const int is_reset =
      command->word_count == 2u && fw_command_is(command, 0, "reset") && fw_command_is(command, 1, "learned");
  const int is_alone = command->word_count == 1u;
  enum { NOTHING, TEACH, FEEDBACK, PRACTISE, CLASS, SAVE, UNDO, IMPORTED, RESET, CALIBRATE } which = NOTHING;
  if (fw_command_is(command, 0, "teach")) which = TEACH;
  if (fw_command_is(command, 0, "feedback")) which = FEEDBACK;
  if (fw_command_is(command, 0, "practise")) which = PRACTISE;
  if (fw_command_is(command, 0, "class")) which = CLASS;
  if (is_alone && fw_command_is(command, 0, "save")) which = SAVE;
  if (is_alone && fw_command_is(command, 0, "undo")) which = UNDO;
  if (is_alone && fw_command_is(command, 0, "import")) which = IMPORTED;
  if (is_reset) which = RESET;
  if (is_calibrate) which = CALIBRATE;
  if (which == NOTHING) return 0;
  if (!fw_link_admit(&device->link)) return 1;
  if (learning_of(device)->held != 0u && which != SAVE) {
    fw_link_error(&device->link, "busy", "a federation's task is worked on: see fleet status", FW_COMMAND_WORDS);
    return 1;
  }
  switch (which) {
    case TEACH:
      teach(device);
      break;
    case FEEDBACK:
      feedback(device);
      break;
    case PRACTISE:
      practise(device);
      break;
    case CLASS:
      class_command(device);
      break;
    case SAVE:
      save(device);
      break;
    case UNDO:
      undo(device);
      break;
    case IMPORTED:
      import(device);
      break;
    case CALIBRATE:
      learn_calibrate(device);
      break;
    default:
      reset_learned(device);
      break;
  }
  return 1;
}
