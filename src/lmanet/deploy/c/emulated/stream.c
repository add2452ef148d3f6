/* Links what of the front end the emulator calls one by one; this function never runs. */
#include "lmanet_stream.h"

#include "lmanet_sound.h"
#include "network_sound.h"

int main(void) {
    lmanet_forget_sound();
    lmanet_sound_clip(&lmanet_sound_settings, 0, 0, 0);
    return lmanet_push_samples(0, 0) + lmanet_posteriors()[0];
}
