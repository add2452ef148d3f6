"""From floats to integers: fold, calibrate, quantise, fine-tune."""
