// What every CPU kernel file starts from: checks, prototypes and threads.
#pragma once
#include "../ops/checks.h"
#include "pool.h"
#include "prototype.h"
