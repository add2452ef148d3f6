/* SPDX-License-Identifier: Apache-2.0
 *
 * All of the network @PREFIX@ for C and C++: image in, class out. Another network of another prefix may be in the same program. */
#ifndef @UPPER@_H
#define @UPPER@_H

#include "@PREFIX@_camera.h"
#include "@PREFIX@_classify.h"
#include "@PREFIX@_network.h"

#endif
