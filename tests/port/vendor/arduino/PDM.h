// https://docs.arduino.cc/learn/built-in-libraries/pdm
#pragma once
#include <stddef.h>
struct PDMClass {
  int begin(int channels, int sampleRate);
  int available();
  int read(void *buffer, size_t size);
  void onReceive(void (*function)(void));
  void setBufferSize(int bufferSize);
};
extern PDMClass PDM;
