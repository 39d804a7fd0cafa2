/* Result codes shared by all of fieldwren's C code: zero is success, errors are negative. */
#ifndef FW_STATUS_H
#define FW_STATUS_H

typedef enum {
  FW_OK = 0,
  FW_E_ARGUMENT = -1, /* a value outside its documented range */
  FW_E_FORMAT = -2,   /* bytes that are not what they should be: magic, version, CRC, offsets */
  FW_E_SPACE = -3,    /* a caller's buffer is too small */
  FW_E_UNKNOWN = -4,  /* a kernel, command or version that this build does not have */
  FW_E_TIMEOUT = -5,  /* a peer or a peripheral did not answer within the bound */
  FW_E_STATE = -6     /* not possible now: called in the wrong order, or busy */
} fw_status_t;

#endif
