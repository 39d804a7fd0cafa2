/* Functions that must be expanded where they are called, because literal arguments shape their loops. */
#ifndef FW_FEATURES_INLINE_H
#define FW_FEATURES_INLINE_H

#if defined(__GNUC__)
#define FW_ALWAYS_INLINE static inline __attribute__((always_inline))
#else
#define FW_ALWAYS_INLINE static inline
#endif

#endif
