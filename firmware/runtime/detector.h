/* From posteriors to detections: smoothing, thresholds, refractory time. Integer arithmetic, the same on
 * every target, in evaluation on the host (pytool/fieldwren/detector.py) and on the device. */
#ifndef FW_RUNTIME_DETECTOR_H
#define FW_RUNTIME_DETECTOR_H

#include <stdint.h>

#include "fw_status.h"
#include "runtime/posterior.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FW_NO_LABEL 0xFFFFu

typedef enum {
  FW_DETECT_EVENTS = 0, /* a detection each time a class rises above its threshold: keywords */
  FW_DETECT_STATES = 1, /* a detection each time the class that holds changes: presence */
  FW_DETECT_EVERY = 2   /* a detection for each inference: the class that holds, as in FW_DETECT_STATES */
} fw_detect_mode_t;

/* The smoothed posterior of a class is its mean over the last `smoothing` inferences (over all, while there
 * are fewer). The top class is the one with the highest smoothed posterior, the first of equals; one class alone,
 * a wake word, is always the top.
 *
 * FW_DETECT_EVENTS: the top class fires if it reaches its threshold, is no background, at least
 * `minimum_count` inferences were made since the start, `refractory_ms` have passed since the last detection,
 * and the class fell below its threshold by more than `release_q15` (or to 0) since it last fired.
 * FW_DETECT_STATES: the state becomes the top class if that reaches its threshold, with the same minimum
 * count, and `refractory_ms` have passed since the state last changed. Entering a background class is not
 * reported. FW_DETECT_EVERY: as FW_DETECT_STATES, but the first top class holds at once, and every inference
 * reports the state unless it is a background class. */
typedef struct {
  uint32_t mode;          /* fw_detect_mode_t */
  uint32_t class_count;   /* 1 … 65534, with FW_DETECT_STATES and FW_DETECT_EVERY from 2 */
  uint32_t smoothing;     /* inferences, 1 … 65535 */
  uint32_t minimum_count; /* 1 … smoothing */
  uint32_t refractory_ms; /* less than 2^31 */
  uint32_t release_q15;
  const uint16_t *thresholds_q15; /* [class_count], 0 … 32768 */
  const uint8_t *background;      /* [class_count], 1: never reported */
} fw_detector_config_t;

typedef struct {
  uint32_t t_ms;
  uint16_t label;          /* class index */
  uint16_t confidence_q15; /* the smoothed posterior */
} fw_detection_t;

typedef struct {
  const fw_detector_config_t *config;
  uint32_t *sums;           /* [class_count] */
  uint16_t *history;        /* [smoothing][class_count] */
  uint16_t *thresholds_q15; /* [class_count], changeable */
  uint8_t *fired;           /* [class_count], 1: has not been released yet */
  uint32_t count;           /* inferences in the history */
  uint32_t next;            /* row of the history to overwrite */
  uint32_t last_ms;         /* of the last detection or change of state, if has_last */
  uint16_t state;           /* class that holds, or FW_NO_LABEL */
  uint8_t has_last;
} fw_detector_t;

/* Bytes of memory, 4-byte aligned; a constant expression if the arguments are. */
#define FW_DETECTOR_BYTES(class_count, smoothing) ((class_count) * (4u + 2u * (smoothing) + 2u + 1u))

/* FW_E_ARGUMENT: a value out of range; FW_E_SPACE: less memory than FW_DETECTOR_BYTES(). */
fw_status_t fw_detector_init(fw_detector_t *detector, const fw_detector_config_t *config, void *memory,
                             uint32_t memory_bytes);

/* Forgets what was seen; changed thresholds stay. */
void fw_detector_reset(fw_detector_t *detector);

/* Changes a threshold until the next fw_detector_init(). FW_E_ARGUMENT: no such class, or above 32768. */
fw_status_t fw_detector_set_threshold(fw_detector_t *detector, uint32_t label, uint32_t threshold_q15);

/* One inference. Returns 1 and fills *detection if there is something to report, else 0. */
int fw_detector_push(fw_detector_t *detector, const uint16_t *posteriors_q15, uint32_t t_ms, fw_detection_t *detection);

/* The smoothed posterior of a class, rounded half up; 0 before the first inference. */
uint32_t fw_detector_smoothed(const fw_detector_t *detector, uint32_t label);

#ifdef __cplusplus
}
#endif

#endif
