// The C interface alone; Debian keeps it in a folder of its own.
#include <coin/Clp_C_Interface.h>
