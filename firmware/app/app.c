#include <stddef.h>
#include <string.h>

#include "fw_app.h"
#include "fw_float.h"

static int is_pcm(const fw_app_t *app) {
  return app->config->input == FW_INPUT_PCM;
}

static uint32_t element_bytes(const fw_app_config_t *config) {
  if (config->input == FW_INPUT_PCM) return (uint32_t)sizeof(int16_t);
  return config->columns * (config->input == FW_INPUT_ROWS ? (uint32_t)sizeof(float) : 1u);
}

/* What the host checked before it generated anything; checked again because model and configuration can be
 * linked from different builds. */
static int config_is_valid(const fw_app_config_t *config) {
  const uint64_t values = (uint64_t)config->frontend->window_frames * config->frontend->frame_values;
  const int is_pcm_frontend = config->frontend->kind != FW_FRONTEND_SENSOR;
  if (config->input > FW_INPUT_ROWS_INT8 || (config->input == FW_INPUT_PCM) != is_pcm_frontend) return 0;
  if (config->columns <= config->targets || (config->input == FW_INPUT_PCM && config->columns != 1u)) return 0;
  if (config->stride_frames == 0u || config->period_denominator == 0u) return 0;
  if (config->input == FW_INPUT_PCM && config->period_numerator_ms != 1000u) return 0;
  if (config->phases > 0u) {
    if (config->input != FW_INPUT_PCM || config->posterior == FW_POSTERIOR_RECONSTRUCTION) return 0;
    if (config->first_frames == 0u || config->first_frames > config->stride_frames) return 0;
    if ((uint64_t)config->phases * config->stride_frames != config->frontend->window_frames) return 0;
  }
  if (fw_model.input_count != 1u || fw_model.output_count == 0u) return 0;
  return values == fw_tensor_elements(&fw_model.inputs[0]);
}

static int has_classes(const fw_app_t *app) {
  return app->config->posterior != FW_POSTERIOR_VALUES;
}

static int is_autoencoder(const fw_app_t *app) {
  return app->config->posterior == FW_POSTERIOR_RECONSTRUCTION;
}

#if defined(FW_LEARN)
static fw_learning_t *learning_of(const fw_app_t *app) {
  return app->memory.learning;
}
#endif

#if defined(FW_LEARN)
/* The head's copy of the window; the window itself is what it should have been. */
static fw_status_t learned_reconstruction(fw_app_t *app, const int8_t *embedding) {
  fw_learning_t *const learning = learning_of(app);
  const fw_tensor_info_t *const input = &fw_model.inputs[0];
  const uint32_t count = fw_tensor_elements(input);
  const fw_tensor_info_t copy = {0, (uint32_t)sizeof(float) * count, FW_FLOAT32, 0.0f, 0};
  if (learning->factory.classes != count) return FW_E_ARGUMENT;
  fw_learning_target_tensor(learning, app->memory.window, input);
  return fw_reconstruction_posteriors(app->memory.window, input, fw_learning_values(learning, embedding), &copy,
                                      &app->config->anomaly, app->memory.residual, app->memory.posteriors);
}

void fw_app_look_again(fw_app_t *app) {
  fw_learning_t *const learning = learning_of(app);
  if (is_autoencoder(app) && learning != NULL) (void)learned_reconstruction(app, learning->config->samples);
}
#endif

static fw_status_t posteriors(fw_app_t *app) {
  const fw_app_config_t *config = app->config;
  const void *output = fw_app_output(app, 0);
  if (is_autoencoder(app) && config->detector.class_count != 2u) return FW_E_ARGUMENT;
#if defined(FW_LEARN)
  if (learning_of(app) != NULL) {
    if (is_autoencoder(app)) return learned_reconstruction(app, (const int8_t *)output);
    fw_learning_posteriors(learning_of(app), output, app->memory.posteriors);
    return FW_OK;
  }
#endif
  if (is_autoencoder(app)) {
    return fw_reconstruction_posteriors(app->memory.window, &fw_model.inputs[0], output, &fw_model.outputs[0],
                                        &config->anomaly, app->memory.residual, app->memory.posteriors);
  }
  return fw_posteriors(output, &fw_model.outputs[0], (fw_posterior_t)config->posterior, app->memory.posteriors,
                       config->detector.class_count);
}

#if defined(FW_LEARN)
/* The model gives embeddings; what the learner makes of them is what the app reports. */
static int learner_fits(const fw_app_t *app) {
  const fw_learning_t *const learning = learning_of(app);
  const fw_app_config_t *const config = app->config;
  const uint32_t outputs = learning->factory.classes;
  if (fw_model.outputs[0].dtype != FW_INT8 || fw_model.outputs[0].bytes != learning->learner_config.features) return 0;
  if (fw_learning_has_values(learning) != (is_autoencoder(app) || !has_classes(app))) return 0;
  if (!fw_learning_has_values(learning)) return config->detector.class_count == fw_learning_labels(learning);
  return learning->config->targets != NULL && (config->targets == 0u || config->targets == outputs);
}
#endif

fw_status_t fw_app_init(fw_app_t *app, const fw_app_config_t *config, const fw_app_memory_t *memory) {
  fw_status_t status;
  memset(app, 0, sizeof *app);
  if (!config_is_valid(config)) return FW_E_ARGUMENT;
  if (config->input == FW_INPUT_ROWS_INT8 && memory->row == NULL) return FW_E_SPACE;
  if (memory->samples_bytes < FW_SAMPLE_RING_BYTES(1u, element_bytes(config))) return FW_E_SPACE;
  app->config = config;
  app->memory = *memory;
  app->teach_below = config->teach_below;
  status = fw_frontend_init(&app->frontend, config->frontend, memory->frontend, memory->frontend_bytes);
  if (status != FW_OK) return status;
#if defined(FW_LEARN)
  if (learning_of(app) != NULL && !learner_fits(app)) return FW_E_ARGUMENT;
#endif
  if (has_classes(app)) {
    status = fw_detector_init(&app->detector, &config->detector, memory->detector, memory->detector_bytes);
    if (status != FW_OK) return status;
    if (is_autoencoder(app) && (memory->window == NULL || memory->residual == NULL)) return FW_E_SPACE;
#if defined(FW_ADAPTERS)
    if (learning_of(app) != NULL) {
      const fw_adapter_config_t *const adapters = &learning_of(app)->learner_config.adapters;
      if (fw_model.output_count != 2u || memory->state == NULL ||
          fw_model.outputs[1].bytes % adapters->channels != 0u ||
          (adapters->positions != 0u && fw_model.outputs[1].bytes != adapters->positions * adapters->channels)) {
        return FW_E_ARGUMENT;
      }
      learning_of(app)->map = (const int8_t *)fw_app_output(app, 1);
    }
#endif
    /* A trial, on whatever is in the arena now, whether the outputs can become that many posteriors. */
    status = posteriors(app);
    if (status != FW_OK) return status;
  }
  fw_microphone_init(&app->microphone, &config->microphone);
  fw_sample_ring_init(&app->ring, memory->samples, memory->samples_bytes, element_bytes(config));
  return fw_app_reset(app);
}

/* The state whose turn it is. */
static void *state_of(const fw_app_t *app) {
  if (app->memory.state == NULL) return NULL;
  return (uint8_t *)app->memory.state + app->phase * FW_APP_STATE_STEP(fw_model.state_bytes);
}

static void reset_model(fw_app_t *app) {
  app->phase = 0;
  fw_model_reset(app->memory.state);
  for (app->phase = 1; app->phase < app->config->phases; app->phase++) fw_model_reset(state_of(app));
  app->phase = 0;
  app->warming_up = app->config->warm_up;
}

fw_status_t fw_app_reset(fw_app_t *app) {
  if (app->source != FW_SOURCE_NONE) return FW_E_STATE;
  fw_frontend_reset(&app->frontend);
  fw_microphone_reset(&app->microphone);
  if (has_classes(app)) fw_detector_reset(&app->detector);
  reset_model(app);
  app->chunk_count = 0;
  app->chunk_next = 0;
  app->due = 0;
  app->frames_until_due = 0;
  if (app->config->phases > 0u) {
    /* The window fills up inside the model; its input may hold frames from before the start. */
    fw_frontend_fill(&app->frontend);
    app->frames_until_due = app->config->first_frames;
  }
  app->values_ready = 0;
  app->is_current = 0;
  app->capturing = 0;
#if defined(FW_LEARN)
  if (learning_of(app) != NULL) fw_learning_restart(learning_of(app));
#endif
  return FW_OK;
}

fw_status_t fw_app_start(fw_app_t *app, fw_source_t source) {
  const fw_app_counters_t none = {0};
  if (app->source != FW_SOURCE_NONE || source == FW_SOURCE_NONE) return FW_E_STATE;
  (void)fw_app_reset(app);
  fw_sample_ring_drop(&app->ring, fw_sample_ring_count(&app->ring));
  app->counters = none;
  app->consumed = 0;
  app->finishing = 0;
  app->source = source; /* last: from here on the producer's elements count */
  return FW_OK;
}

void fw_app_stop(fw_app_t *app) {
  app->source = FW_SOURCE_NONE;
  app->finishing = 0;
}

void fw_app_finish(fw_app_t *app) {
  if (app->source != FW_SOURCE_NONE) app->finishing = 1;
}

uint32_t fw_app_push(fw_app_t *app, fw_source_t source, const void *elements, uint32_t count) {
  uint32_t taken;
  if (*(volatile uint32_t *)&app->source != (uint32_t)source || app->finishing != 0u) return 0;
  taken = fw_sample_ring_push(&app->ring, elements, count);
  app->counters.dropped += count - taken;
  return taken;
}

uint32_t fw_app_room(const fw_app_t *app) {
  return fw_sample_ring_room(&app->ring);
}

uint32_t fw_app_queued(const fw_app_t *app) {
  return fw_sample_ring_count(&app->ring) + app->chunk_count - app->chunk_next;
}

uint32_t fw_app_time_ms(const fw_app_t *app) {
  return (uint32_t)(app->consumed * app->config->period_numerator_ms / app->config->period_denominator);
}

int fw_app_detection(const fw_app_t *app, uint32_t number, fw_detection_t *detection) {
  if (number >= app->counters.detections || app->counters.detections - number > FW_APP_DETECTIONS) return 0;
  *detection = app->detections[number % FW_APP_DETECTIONS];
  return 1;
}

uint8_t *fw_app_input(const fw_app_t *app, uint32_t index) {
  return index < fw_model.input_count ? (uint8_t *)app->memory.arena + fw_model.inputs[index].offset : NULL;
}

uint8_t *fw_app_output(const fw_app_t *app, uint32_t index) {
  return index < fw_model.output_count ? (uint8_t *)app->memory.arena + fw_model.outputs[index].offset : NULL;
}

static fw_status_t invoke(fw_app_t *app) {
#if defined(FW_ADAPTERS)
  if (learning_of(app) != NULL) fw_learning_fold(learning_of(app), state_of(app));
#endif
  const fw_status_t status = fw_model_invoke(app->memory.arena, state_of(app));
  if (status != FW_OK) app->counters.failures++;
  if (++app->phase >= app->config->phases) app->phase = 0;
  return status;
}

fw_status_t fw_app_infer(fw_app_t *app) {
  return app->source != FW_SOURCE_NONE ? FW_E_STATE : invoke(app);
}

int fw_app_take_values(fw_app_t *app) {
  const int ready = app->values_ready;
  app->values_ready = 0;
  return ready;
}

fw_status_t fw_app_capture(fw_app_t *app) {
  if (app->memory.capture == NULL || !is_pcm(app)) return FW_E_UNKNOWN;
  app->captured = 0;
  app->capturing = 1;
  return FW_OK;
}

#if defined(FW_LEARN)
/* The likeliest word that was not reported, though it was on the way to it. */
static void note_missed(fw_app_t *app) {
  const fw_detector_config_t *config = &app->config->detector;
  fw_miss_t miss = {.t_ms = fw_app_time_ms(app), .label = 0, .posterior_q15 = 0};
  if (config->mode != FW_DETECT_EVENTS) return;
  for (uint32_t i = 0; i < config->class_count; i++) {
    const uint16_t posterior = app->memory.posteriors[i];
    if (config->background[i] != 0u || posterior <= app->detector.thresholds_q15[i] / 2u) continue;
    if (app->detector.fired[i] != 0u || posterior <= miss.posterior_q15) continue;
    miss.label = (uint16_t)i;
    miss.posterior_q15 = posterior;
  }
  fw_learning_missed(learning_of(app), &miss);
}
#endif

static void detect(fw_app_t *app) {
  fw_detection_t detection;
  int is_detection;
  (void)posteriors(app); /* as in fw_app_init(), where it succeeded */
  is_detection = fw_detector_push(&app->detector, app->memory.posteriors, fw_app_time_ms(app), &detection);
#if defined(FW_LEARN)
  if (learning_of(app) != NULL) {
    if (is_autoencoder(app) && app->memory.posteriors[1] < fw_posterior_q15(app->teach_below)) {
      (void)fw_learning_teach_values(learning_of(app), FW_SAMPLE_NEWEST);
    }
    if (is_detection) {
      fw_learning_detected(learning_of(app), detection.label);
    } else {
      note_missed(app);
    }
    fw_learning_inferred(learning_of(app));
  }
#endif
  if (!is_detection) return;
  app->detections[app->counters.detections % FW_APP_DETECTIONS] = detection;
  app->counters.detections++;
}

/* A regression's answer. What it should have been, if the newest row said so, is learned after it is given. */
static void answer_values(fw_app_t *app) {
  app->values_ready = 1;
#if defined(FW_LEARN)
  if (learning_of(app) == NULL) return;
  (void)fw_learning_values(learning_of(app), (const int8_t *)fw_app_output(app, 0));
  if (app->config->targets > 0u) (void)fw_learning_teach_values(learning_of(app), FW_SAMPLE_NEWEST);
#endif
}

float fw_app_value(const fw_app_t *app, uint32_t index) {
#if defined(FW_LEARN)
  if (learning_of(app) != NULL) return learning_of(app)->learner.y[index];
#endif
  return fw_tensor_value(fw_app_output(app, 0), &fw_model.outputs[0], index);
}

uint32_t fw_app_value_count(const fw_app_t *app) {
#if defined(FW_LEARN)
  if (learning_of(app) != NULL) return learning_of(app)->factory.classes;
#endif
  return has_classes(app) ? 0u : fw_tensor_elements(&fw_model.outputs[0]);
}

/* Whether the outputs in the arena are those of this window too. */
static int is_computed(const fw_app_t *app) {
  const fw_app_config_t *config = app->config;
  const uint32_t stride = is_pcm(app) ? config->stride_frames : config->frontend->sensor->hop_rows;
  if (app->is_current == 0u || config->phases != 0u || fw_model.state_bytes != 0u) return 0;
  return fw_frontend_stands_still(&app->frontend, stride);
}

static fw_app_event_t compute(fw_app_t *app) {
  const fw_tensor_info_t *input = &fw_model.inputs[0];
  app->is_current = 0;
  if (fw_frontend_write_window(&app->frontend, fw_app_input(app, 0), (fw_dtype_t)input->dtype, input->scale,
                               input->zero_point) != FW_OK) {
    app->counters.failures++;
    return FW_APP_FAILED;
  }
  if (is_autoencoder(app)) memcpy(app->memory.window, fw_app_input(app, 0), input->bytes);
  if (invoke(app) != FW_OK) return FW_APP_FAILED;
  app->is_current = 1;
  return FW_APP_INFERENCE;
}

static fw_app_event_t infer(fw_app_t *app) {
  app->due = 0;
  if (!is_computed(app) && compute(app) == FW_APP_FAILED) return FW_APP_FAILED;
  if (app->warming_up > 0u) {
    app->warming_up--;
    return FW_APP_FRAME;
  }
  app->counters.inferences++;
  if (has_classes(app)) {
    detect(app);
  } else {
    answer_values(app);
  }
  return FW_APP_INFERENCE;
}

static void record(fw_app_t *app, const int16_t *samples, uint32_t count) {
  const uint32_t room = app->memory.capture_samples - app->captured;
  if (count > room) count = room;
  memcpy(app->memory.capture + app->captured, samples, count * sizeof *samples);
  app->captured += count;
  if (app->captured == app->memory.capture_samples) app->capturing = 0;
}

/* Samples from the ring through the microphone into the chunk. Returns 0 if there are none. */
static int refill(fw_app_t *app) {
  const void *samples;
  uint32_t count = fw_sample_ring_peek(&app->ring, &samples);
  if (count > FW_APP_CHUNK) count = FW_APP_CHUNK;
  if (count == 0u) return 0;
  fw_microphone_process(&app->microphone, (const int16_t *)samples, app->chunk, count);
  fw_sample_ring_drop(&app->ring, count);
  if (app->capturing != 0u) record(app, app->chunk, count);
  app->chunk_count = count;
  app->chunk_next = 0;
  return 1;
}

static void frame_is_ready(fw_app_t *app) {
  app->counters.frames++;
  if (app->frames_until_due > 0u) app->frames_until_due--;
  if (app->frames_until_due > 0u || fw_frontend_frame_count(&app->frontend) < app->config->frontend->window_frames) {
    return;
  }
  app->due = 1;
  app->frames_until_due = app->config->stride_frames;
}

static fw_app_event_t take_samples(fw_app_t *app) {
  int is_ready = 0;
  int any = 0;
  while (!is_ready && (app->chunk_next < app->chunk_count || refill(app))) {
    const uint32_t taken =
        fw_frontend_push(&app->frontend, app->chunk + app->chunk_next, app->chunk_count - app->chunk_next, &is_ready);
    app->chunk_next += taken;
    app->consumed += taken;
    any = 1;
  }
  if (is_ready) frame_is_ready(app);
  return any ? FW_APP_FRAME : FW_APP_IDLE;
}

#if defined(FW_LEARN)
static void show_row(fw_app_t *app, const float *row) {
  const uint32_t inputs = app->config->columns - app->config->targets;
  fw_learning_row(learning_of(app), row, app->config->columns);
  if (app->config->targets > 0u) fw_learning_target(learning_of(app), row + inputs);
}
#endif

/* The oldest row that waits; null if there is none. */
static const float *next_row(fw_app_t *app) {
  const void *row;
  if (fw_sample_ring_peek(&app->ring, &row) == 0u) return NULL;
  if (app->config->input == FW_INPUT_ROWS) return (const float *)row;
  for (uint32_t i = 0; i < app->config->columns; i++) app->memory.row[i] = (float)((const int8_t *)row)[i];
  return app->memory.row;
}

static fw_app_event_t take_row(fw_app_t *app) {
  const float *const row = next_row(app);
  int is_ready = 0;
  fw_status_t status;
  if (row == NULL) return FW_APP_IDLE;
#if defined(FW_LEARN)
  if (learning_of(app) != NULL) show_row(app, row);
#endif
  status = fw_frontend_push_row(&app->frontend, row, app->config->columns - app->config->targets, &is_ready);
  fw_sample_ring_drop(&app->ring, 1);
  app->consumed++;
  if (status != FW_OK) {
    app->counters.failures++;
    return FW_APP_FAILED;
  }
  if (is_ready) frame_is_ready(app);
  return FW_APP_FRAME;
}

static fw_app_event_t poll_input(fw_app_t *app) {
  fw_app_event_t event;
  if (app->source == FW_SOURCE_NONE) return FW_APP_IDLE;
  if (app->due != 0u) return infer(app);
  event = is_pcm(app) ? take_samples(app) : take_row(app);
  if (event != FW_APP_IDLE || app->finishing == 0u) return event;
  fw_app_stop(app);
  return FW_APP_ENDED;
}

#if defined(FW_LEARN)
static int learn(fw_app_t *app) {
  app->learned_last = learning_of(app) != NULL && fw_learning_poll(learning_of(app));
#if defined(FW_FLEET)
  fw_participant_t *const participant = app->memory.participant;
  if (app->learned_last == 0u && participant != NULL && participant->is_busy) {
    learning_of(app)->held = fw_participant_poll(participant);
    app->learned_last = 1;
  }
#endif
  return app->learned_last;
}

fw_app_event_t fw_app_poll(fw_app_t *app) {
  fw_app_event_t event;
  if (app->learned_last == 0u && learn(app)) return FW_APP_LEARNED;
  app->learned_last = 0;
  event = poll_input(app);
  if (event == FW_APP_IDLE && learn(app)) return FW_APP_LEARNED;
  return event;
}
#else
fw_app_event_t fw_app_poll(fw_app_t *app) {
  return poll_input(app);
}
#endif
