/* The Python package loads this extension with ctypes; the module itself is empty. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_native", "C library shared with the devices.", -1, 0, 0, 0, 0, 0};

PyMODINIT_FUNC PyInit__native(void) {
  return PyModule_Create(&module);
}
