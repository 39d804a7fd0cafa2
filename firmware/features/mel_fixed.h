/* Log-mel and MFCC in integer arithmetic: what frontend.c calls for FW_FRONTEND_MEL_FIXED. */
#ifndef FW_FEATURES_MEL_FIXED_H
#define FW_FEATURES_MEL_FIXED_H

#include "fw_frontend.h"

fw_status_t fw_mel_fixed_check(const fw_frontend_config_t *config);

/* Bytes of fe->work: the spectrum and the logarithms. */
uint32_t fw_mel_fixed_work_bytes(const fw_mel_fixed_config_t *mel);

/* Computes the frame of fe->samples into the ring's next slot. */
void fw_mel_fixed_frame(fw_frontend_t *fe);

fw_status_t fw_mel_fixed_write_window(const fw_frontend_t *fe, void *model_input, fw_dtype_t dtype, float scale,
                                      int32_t zero_point);

#endif
