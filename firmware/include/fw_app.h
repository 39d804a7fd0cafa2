/* The app: samples or sensor rows in, detections out.
 *
 *     samples --ring--> microphone --> front end --> window --> model --> posteriors --> detector -->
 * detections
 *
 * All state is in one fw_app_t, all memory is the caller's, several apps may run side by side (with one
 * model, which the image has once; each brings its own arena and state). fw_app_push() is lock-free and may
 * be called from an interrupt; everything else belongs to one task. Time is counted in elements consumed, so
 * the same input gives the same detections at the same times, however fast it comes.
 *
 *     fw_app_init(&app, &config, &memory);
 *     fw_app_start(&app, FW_SOURCE_SENSOR);
 *     for (;;) {                                     // the interrupt calls fw_app_push(&app,
 * FW_SOURCE_SENSOR, pcm, n) if (fw_app_poll(&app) == FW_APP_IDLE) sleep(); while (fw_app_detection(&app,
 * seen, &detection)) seen++, show(&detection);
 *     }
 */
#ifndef FW_APP_H
#define FW_APP_H

#include <stdint.h>

#include "fw_frontend.h"
#include "fw_learning.h"
#include "fw_model.h"
#include "fw_status.h"
#include "learn/participant.h"
#include "runtime/detector.h"
#include "runtime/microphone.h"
#include "runtime/sample_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The newest detections, which a reader who missed some can ask for again. */
#define FW_APP_DETECTIONS 16u

/* Samples that pass the microphone at once. */
#define FW_APP_CHUNK 64u

/* The model's state, `phases` times for an incremental model; a constant expression if the arguments are. */
#define FW_APP_STATE_STEP(state_bytes)          (((state_bytes) + 15u) & ~15u)
#define FW_APP_STATE_BYTES(state_bytes, phases) (FW_APP_STATE_STEP(state_bytes) * ((phases) > 1u ? (phases) : 1u))

typedef enum {
  FW_INPUT_PCM = 0,      /* elements are int16 samples */
  FW_INPUT_ROWS = 1,     /* elements are rows of float32; NaN means missing */
  FW_INPUT_ROWS_INT8 = 2 /* elements are rows of int8: of an image, for example */
} fw_input_kind_t;

typedef struct {
  const char *name;
  const char *kind; /* "keyword", "presence" … */
  const char *board;
  const char *version; /* of the firmware */
  uint8_t image[32];   /* build id: SHA-256 over the generated sources */
  const fw_frontend_config_t *frontend;
  fw_microphone_config_t microphone; /* FW_INPUT_PCM only */
  fw_detector_config_t detector;
  const char *const *labels; /* [detector.class_count] */
  float teach_below;         /* an autoencoder that learns takes an input for normal, and learns it, while the anomaly's
                                     posterior is below this; 0: only what it is told */
  fw_anomaly_t anomaly;      /* FW_POSTERIOR_RECONSTRUCTION */
  uint32_t posterior;        /* fw_posterior_t */
  uint32_t input;            /* fw_input_kind_t */
  uint32_t columns;          /* values in an element: 1 for PCM, channels and targets for rows */
  uint32_t targets; /* so many columns, the last ones, are no input: they say what the outputs should be, and teach an
                       app that learns; a row without them is only answered */
  uint32_t stride_frames; /* PCM: frames from one inference to the next; rows: 1, the front end counts hops */
  uint32_t phases;        /* 0: the model sees whole windows. Else it is an incremental one (PCM only), whose input
                             holds the frames of this many strides; as many instances of its state take turns */
  uint32_t warm_up;       /* incremental: inferences before the first whose window is full; they report nothing */
  uint32_t first_frames;  /* incremental: frames before the first of them, 1 … stride_frames */
  uint32_t period_numerator_ms; /* one element lasts numerator / denominator milliseconds; */
  uint32_t period_denominator;  /* PCM: 1000 / sample rate in Hz */
} fw_app_config_t;

typedef struct {
  void *arena;    /* fw_model.arena_bytes, 16-byte aligned */
  void *state;    /* FW_APP_STATE_BYTES(), 16-byte aligned, or null if that is 0 */
  void *frontend; /* fw_frontend_memory_bytes(), 8-byte aligned */
  uint32_t frontend_bytes;
  void *detector; /* FW_DETECTOR_BYTES(), 4-byte aligned */
  uint32_t detector_bytes;
  void *window;     /* FW_POSTERIOR_RECONSTRUCTION: as large as the model's input, 4-byte aligned; else null */
  float *residual;  /* likewise: [elements of the model's input] */
  float *row;       /* FW_INPUT_ROWS_INT8: [columns]; else null */
  int16_t *capture; /* where fw_app_capture() records to; null: nothing is ever recorded */
  uint32_t capture_samples;
  uint16_t *posteriors;    /* [class_count] */
  fw_learning_t *learning; /* open; its labels are the detector's, and the model's first output is the embedding. Null:
                              the app does not learn. Only in images built with FW_LEARN. */
  fw_participant_t *participant; /* open, with the learner of `learning`; null: the app is in no fleet. Only in images
                                    built with FW_FLEET. */
  void *samples;           /* FW_SAMPLE_RING_BYTES(elements, element bytes), 4-byte aligned */
  uint32_t samples_bytes;
} fw_app_memory_t;

/* Who feeds the app. */
typedef enum {
  FW_SOURCE_NONE = 0,   /* stopped */
  FW_SOURCE_SENSOR = 1, /* the board's own microphone or sensors */
  FW_SOURCE_LINK = 2    /* the host */
} fw_source_t;

typedef enum {
  FW_APP_IDLE = 0,  /* nothing to do until more elements come */
  FW_APP_FRAME,     /* a frame of features was computed, or a part of its samples taken */
  FW_APP_INFERENCE, /* the model ran, and the detector */
  FW_APP_ENDED,     /* all that was pushed before fw_app_finish() is consumed; the app is stopped */
  FW_APP_LEARNED,   /* one update of the head, or one step of saving it */
  FW_APP_FAILED     /* front end or model refused: see `failures` */
} fw_app_event_t;

typedef struct {
  uint32_t dropped; /* elements that found the ring full; written by the producer */
  uint32_t frames;
  uint32_t inferences;
  uint32_t detections;
  uint32_t failures;
} fw_app_counters_t;

typedef struct {
  const fw_app_config_t *config;
  fw_app_memory_t memory;
  fw_sample_ring_t ring;
  fw_microphone_t microphone;
  fw_frontend_t frontend;
  fw_detector_t detector;
  fw_app_counters_t counters;
  fw_detection_t detections[FW_APP_DETECTIONS];
  int16_t chunk[FW_APP_CHUNK]; /* samples behind the microphone that the front end has not taken yet */
  uint32_t chunk_count;
  uint32_t chunk_next;
  uint64_t consumed;         /* elements that the front end took since the start */
  uint32_t frames_until_due; /* frames until the next inference */
  uint32_t phase;            /* whose turn it is */
  uint32_t warming_up;       /* inferences until the first that counts */
  uint32_t source;           /* fw_source_t */
  uint8_t due;               /* a window is complete and waits for the model */
  uint8_t finishing;
  uint8_t values_ready; /* FW_POSTERIOR_VALUES: the model ran; fw_app_take_values() has not said so yet */
  uint8_t capturing;
  float teach_below;    /* as configured, or as it was set since */
  uint8_t is_current;   /* the model's outputs are those of the last window; no inference has failed since */
  uint8_t learned_last; /* the last step was one of learning: the next is the input's */
  uint32_t captured;    /* samples in the capture buffer */
} fw_app_t;

/* FW_E_ARGUMENT: the configuration contradicts itself or the model (kind, size and type of its input, number
 * of its outputs); FW_E_SPACE: memory is too small; or what the front end or the detector says. The app is
 * stopped. */
fw_status_t fw_app_init(fw_app_t *app, const fw_app_config_t *config, const fw_app_memory_t *memory);

/* Begins anew from the first element, time 0: fresh front end, model state and detector. Elements that still
 * wait are dropped. FW_E_STATE while the app runs. */
fw_status_t fw_app_start(fw_app_t *app, fw_source_t source);

/* Stops at once; what waits is not consumed any more. */
void fw_app_stop(fw_app_t *app);

/* Stops when everything pushed so far is consumed: fw_app_poll() then returns FW_APP_ENDED once. */
void fw_app_finish(fw_app_t *app);

/* Model state, front end and detector as at the start. FW_E_STATE while the app runs. */
fw_status_t fw_app_reset(fw_app_t *app);

/* Pushes `count` elements (samples, or rows of config->columns float32) of one producer. Returns how many
 * fitted; the rest is dropped and counted. Elements from another source than the running one are ignored. */
uint32_t fw_app_push(fw_app_t *app, fw_source_t source, const void *elements, uint32_t count);

/* Elements that fit now; for a producer that can wait. */
uint32_t fw_app_room(const fw_app_t *app);

/* Elements that wait. */
uint32_t fw_app_queued(const fw_app_t *app);

/* At most one frame of features, one inference or one update of the head; by turns, where there are both. A window that
 * is bit by bit the last one (silence, a sensor that stands still) is not computed again: the outputs are there. It
 * counts as an inference, and the detector sees it. */
fw_app_event_t fw_app_poll(fw_app_t *app);

/* Milliseconds of input consumed since the start, rounded down; wraps after 49 days. */
uint32_t fw_app_time_ms(const fw_app_t *app);

/* Detection `number`, counted from 0 at the start. Returns 0 if there is none yet, or none any more because
 * FW_APP_DETECTIONS newer ones exist. */
int fw_app_detection(const fw_app_t *app, uint32_t number, fw_detection_t *detection);

/* FW_POSTERIOR_VALUES: 1, once, after an inference. */
int fw_app_take_values(fw_app_t *app);

/* The values of that inference, until the next fw_app_poll(). */
uint32_t fw_app_value_count(const fw_app_t *app);
float fw_app_value(const fw_app_t *app, uint32_t index);

/* The posteriors of the newest window again, by the head as it is now: an autoencoder that learns. */
void fw_app_look_again(fw_app_t *app);

/* Records the samples that the front end hears from now on into memory.capture, until it is full. FW_E_UNKNOWN: this
 * app has no such memory, which is so unless its manifest says that audio may leave the device. */
fw_status_t fw_app_capture(fw_app_t *app);

/* Input or output tensor `index` in the arena, for feeding the model by hand while the app is stopped; null
 * if there is no such tensor. */
uint8_t *fw_app_input(const fw_app_t *app, uint32_t index);
uint8_t *fw_app_output(const fw_app_t *app, uint32_t index);

/* One inference on whatever is in the inputs. FW_E_STATE while the app runs. */
fw_status_t fw_app_infer(fw_app_t *app);

#ifdef __cplusplus
}
#endif

#endif
