/* SPDX-License-Identifier: Apache-2.0
 *
 * All of the network @PREFIX@ for C and C++: @SENSE@ in, class out. Another network of another prefix may be in the same program. */
#ifndef @UPPER@_H
#define @UPPER@_H

@INCLUDES@

#endif
