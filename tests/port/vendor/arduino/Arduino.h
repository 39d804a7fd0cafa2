// What Arduino's reference documents of the functions and classes that port/arduino uses.
#pragma once
#include <stddef.h>
#include <stdint.h>
unsigned long millis();
unsigned long micros();
void delay(unsigned long ms);
void interrupts();
void noInterrupts();
#define LOW          0x0
#define INPUT_PULLUP 0x05
void pinMode(uint8_t pin, uint8_t mode);
int digitalRead(uint8_t pin);
void setup();
void loop();
struct HardwareSerial {
  void begin(unsigned long baud);
  size_t println(const char *text);
  size_t setRxBufferSize(size_t size);
  int available();
  int read();
  size_t write(const uint8_t *buffer, size_t size);
};
extern HardwareSerial Serial;
#if defined(ARDUINO_ARCH_ESP32)
struct EspClass {
  void restart();
};
extern EspClass ESP;
#else
extern "C" void NVIC_SystemReset(void) __attribute__((noreturn));
#endif
