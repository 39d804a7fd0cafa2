/* TFLite_Detection_PostProcess: boxes from their encodings, and non-maximum suppression.
 * Reference: TFLM detection_postprocess.cc, for one batch.
 *
 * The reference sorts all scores and then goes through them; here the best remaining box is looked for as often as
 * there are detections, which visits the same boxes in the same order without memory for the sorted lists. */
#ifndef FW_DETECTION_POSTPROCESS_H
#define FW_DETECTION_POSTPROCESS_H

#include "fw_float.h"
#include "kernels/exponential.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t boxes;
  int32_t box_values; /* of one encoding: y, x, h, w, and more that are not read */
  int32_t classes;
  int32_t columns; /* scores of one box: classes, and a background class before them if there is one more */
  int32_t detections;
  int32_t detections_per_class;
  int32_t is_regular; /* suppression class by class, instead of on the best class of each box */
  float score_threshold;
  float overlap_threshold;
  float y_scale;
  float x_scale;
  float h_scale;
  float w_scale;
} fw_detection_postprocess_params_t;

/* box [ymin, xmin, ymax, xmax] of an encoding relative to an anchor [y, x, h, w]; 0 if it has no area. */
FW_INLINE int fw_detection_decode(const fw_detection_postprocess_params_t *p, const float *encoded, const float *anchor,
                                  float *box) {
  const double height = anchor[2];
  const double width = anchor[3];
  const float y = (float)((double)encoded[0] / (double)p->y_scale * height + (double)anchor[0]);
  const float x = (float)((double)encoded[1] / (double)p->x_scale * width + (double)anchor[1]);
  const float half_h = (float)(0.5 * fw_exp_f64((double)encoded[2] / (double)p->h_scale) * height);
  const float half_w = (float)(0.5 * fw_exp_f64((double)encoded[3] / (double)p->w_scale) * width);
  box[0] = y - half_h;
  box[1] = x - half_w;
  box[2] = y + half_h;
  box[3] = x + half_w;
  return !(box[0] >= box[2] || box[1] >= box[3]);
}

FW_INLINE float fw_detection_larger(float a, float b) {
  return a < b ? b : a;
}

FW_INLINE float fw_detection_smaller(float a, float b) {
  return b < a ? b : a;
}

FW_INLINE float fw_detection_overlap(const float *a, const float *b) {
  const float area_a = (a[2] - a[0]) * (a[3] - a[1]);
  const float area_b = (b[2] - b[0]) * (b[3] - b[1]);
  if (area_a <= 0.0f || area_b <= 0.0f) return 0.0f;
  const float height = fw_detection_smaller(a[2], b[2]) - fw_detection_larger(a[0], b[0]);
  const float width = fw_detection_smaller(a[3], b[3]) - fw_detection_larger(a[1], b[1]);
  const float both = fw_detection_larger(height, 0.0f) * fw_detection_larger(width, 0.0f);
  return both / (area_a + area_b - both);
}

/* The first class with the highest score of a box. */
FW_INLINE int32_t fw_detection_best_class(const float *scores, int32_t classes) {
  int32_t best = 0;
  for (int32_t c = 1; c < classes; ++c) {
    if (scores[c] > scores[best]) best = c;
  }
  return best;
}

/* What was found so far, best first: index into the scores, and the score. */
typedef struct {
  int32_t count;
  int32_t limit;
  int32_t *index;
  float *score;
} fw_detections_t;

/* Equal scores stay in the order of their coming; what falls behind the limit is dropped. */
FW_INLINE void fw_detection_insert(fw_detections_t *found, int32_t index, float score) {
  int32_t place = found->count;
  while (place > 0 && score > found->score[place - 1]) --place;
  if (place == found->limit) return;
  if (found->count < found->limit) ++found->count;
  for (int32_t i = found->count - 1; i > place; --i) {
    found->index[i] = found->index[i - 1];
    found->score[i] = found->score[i - 1];
  }
  found->index[place] = index;
  found->score[place] = score;
}

/* Suppression among the scores of `column`, or of column best[i] of box i. `active` holds a byte per box. */
FW_INLINE void fw_detection_suppress(const fw_detection_postprocess_params_t *p, const float *scores,
                                     const float *boxes, const int32_t *best, int32_t column, int32_t most,
                                     uint8_t *active, fw_detections_t *found) {
  for (int32_t i = 0; i < p->boxes; ++i) {
    active[i] = scores[i * p->columns + (best ? best[i] : column)] >= p->score_threshold;
  }
  for (int32_t selected = 0; selected < most; ++selected) {
    int32_t winner = -1;
    int32_t winning = 0;
    for (int32_t i = 0; i < p->boxes; ++i) {
      const int32_t index = i * p->columns + (best ? best[i] : column);
      if (active[i] && (winner < 0 || scores[index] > scores[winning])) {
        winner = i;
        winning = index;
      }
    }
    if (winner < 0) return;
    active[winner] = 0;
    fw_detection_insert(found, winning, scores[winning]);
    for (int32_t i = 0; i < p->boxes; ++i) {
      if (active[i] && fw_detection_overlap(boxes + 4 * winner, boxes + 4 * i) > p->overlap_threshold) active[i] = 0;
    }
  }
}

/* encodings [boxes][box_values], scores [boxes][columns], anchors [boxes][4]; results [detections][4], [detections],
 * [detections], [1], zero where there are fewer detections. Boxes without an area, on which the reference gives up,
 * give no detections. */
FW_KERNEL_BODY void fw_detection_postprocess_body(const fw_detection_postprocess_params_t *p, const float *encodings,
                                                  const float *scores, const float *anchors, float *scratch_boxes,
                                                  uint8_t *scratch_active, int32_t *scratch_best,
                                                  int32_t *scratch_found, float *detected_boxes,
                                                  float *detected_classes, float *detected_scores, float *count) {
  fw_detections_t found = {0, p->detections, scratch_found, detected_scores};
  const int32_t first = p->columns - p->classes;
  int valid = 1;
  for (int32_t i = 0; i < p->boxes; ++i) {
    valid &= fw_detection_decode(p, encodings + i * p->box_values, anchors + 4 * i, scratch_boxes + 4 * i);
  }
  for (int32_t i = 0; i < p->detections; ++i) detected_scores[i] = 0.0f;
  if (valid && p->is_regular) {
    for (int32_t c = first; c < p->columns; ++c) {
      fw_detection_suppress(p, scores, scratch_boxes, 0, c, p->detections_per_class, scratch_active, &found);
    }
  } else if (valid) {
    for (int32_t i = 0; i < p->boxes; ++i) {
      scratch_best[i] = first + fw_detection_best_class(scores + i * p->columns + first, p->classes);
    }
    fw_detection_suppress(p, scores, scratch_boxes, scratch_best, 0, p->detections, scratch_active, &found);
  }
  for (int32_t i = 0; i < p->detections; ++i) {
    const int is_found = i < found.count;
    const int32_t index = is_found ? found.index[i] : 0;
    for (int32_t j = 0; j < 4; ++j) {
      detected_boxes[4 * i + j] = is_found ? scratch_boxes[index / p->columns * 4 + j] : 0.0f;
    }
    detected_classes[i] = is_found ? (float)(index % p->columns - first) : 0.0f;
  }
  count[0] = (float)found.count;
}

#endif
