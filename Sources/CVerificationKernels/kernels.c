#include "CVerificationKernels.h"
