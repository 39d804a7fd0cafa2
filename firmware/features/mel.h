/* Log-mel and MFCC in float32: what frontend.c calls for FW_FRONTEND_MEL. */
#ifndef FW_FEATURES_MEL_H
#define FW_FEATURES_MEL_H

#include "fw_frontend.h"

/* FW_OK when every field is in its range. */
fw_status_t fw_mel_check(const fw_frontend_config_t *config);

/* Values of a ring frame: the finished ones, or the mel energies when the window's maximum has still to
 * divide them. */
uint32_t fw_mel_ring_values(const fw_mel_config_t *mel);

/* Computes the frame of fe->samples into the ring's next slot. */
void fw_mel_frame(fw_frontend_t *fe);

/* The values of a ring frame that holds energies, without the window's maximum. */
void fw_mel_finish_frame(const fw_frontend_t *fe, uint32_t slot, float *values);

fw_status_t fw_mel_write_window(const fw_frontend_t *fe, void *model_input, fw_dtype_t dtype, float scale,
                                int32_t zero_point);

#endif
