/* SPDX-License-Identifier: Apache-2.0
 *
 * For a bare board. A project with a main of its own leaves this file out, and calls lmanet_serve once its clock and line are set.
 */
#include "serial.h"

int main(void) {
    lmanet_serve();
    return 0;
}
